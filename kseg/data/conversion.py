"""From any form of data set to kseg's own: folders of images and of masks of class indices."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kseg import _files
from kseg.data import files
from kseg.data.folders import find_labels
from kseg.data.pairs import MASK_SUFFIX, Pair, find_pairs
from kseg.labels import Labels


def convert(
    data: Path,
    out: Path,
    mask_suffix: str = MASK_SUFFIX,
    on_pair: Callable[[], None] = lambda: None,
) -> tuple[Labels, str, int]:
    """Copy the images, and write the masks as class indices beside a `classes.json`.

    Args:
        data: A folder or list, as `find_pairs` takes them.
        out: A folder that is not there yet; it appears when all is written.
        mask_suffix: See `find_pairs`.
        on_pair: Called after each pair.

    Returns:
        The classes, where they come from, and the number of pairs.

    Raises:
        ValueError: The data is not laid out as it should, a mask holds what is no class, or `out`
            is there.
    """
    if out.exists():
        raise ValueError(f"{out} is there already. Give a folder that is not.")
    layout = find_pairs(data, mask_suffix).checked()
    labels, note = find_labels(layout.root, layout.learned)
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    tasks = [
        (pair, unfinished if split == "all" else unfinished / split)
        for split, pairs in layout.splits.items()
        for pair in pairs
    ]

    def write(task: tuple[Pair, Path]) -> None:
        pair, target = task
        mask = files.read_mask(pair.mask, labels)
        image_path = target / "images" / f"{pair.name}{pair.image.suffix.lower()}"
        mask_path = target / "masks" / f"{pair.name}.png"
        for path in (image_path, mask_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair.image, image_path)
        files.write_mask(mask_path, mask, labels)
        on_pair()

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, tasks))
    plain = labels.indexed()
    _files.write_json(unfinished / "classes.json", plain.to_dict())
    unfinished.rename(out)
    return plain, note, len(tasks)
