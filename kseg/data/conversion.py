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
        out: A folder that is not there yet, or empty.
        mask_suffix: See `find_pairs`.
        on_pair: Called after each pair.

    Returns:
        The classes, where they come from, and the number of pairs.

    Raises:
        ValueError: The data is not laid out as it should, a mask holds what is no class, or `out`
            holds files.
    """
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} holds files already. Give a folder that is empty or not there.")
    splits = find_pairs(data, mask_suffix).checked().splits
    everything = [pair for pairs in splits.values() for pair in pairs]
    folder = data if data.is_dir() else data.parent
    labels, note = find_labels(folder, splits.get("train", everything))
    tasks = [
        (pair, out if split == "all" else out / split)
        for split, pairs in splits.items()
        for pair in pairs
    ]

    def write(task: tuple[Pair, Path]) -> None:
        pair, target = task
        mask = files.read_mask(pair.mask, labels)
        image_path = target / "images" / f"{pair.name}{pair.image.suffix.lower()}"
        mask_path = target / "masks" / f"{pair.name}.png"
        for path in (image_path, mask_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with _files.atomic(image_path) as temporary:
            shutil.copyfile(pair.image, temporary)
        files.write_mask(mask_path, mask, labels)
        on_pair()

    with ThreadPoolExecutor() as pool:
        try:
            list(pool.map(write, tasks))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    plain = labels.indexed()
    _files.write_json(out / "classes.json", plain.to_dict())
    return plain, note, len(tasks)
