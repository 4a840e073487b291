"""From any form of data set to kseg's own: folders of images and of masks of class indices."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kseg import _files
from kseg.data.reading import files
from kseg.data.reading.folders import find_labels
from kseg.data.reading.layout import MASK_SUFFIX, Pair
from kseg.data.reading.pairs import find_pairs, keep_apart
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
        KsegError: The data is not laid out as it should, a mask holds what is no class, or `out`
            is there, or lies in the data.
    """
    keep_apart(data, out)
    _files.check_absent(out)
    layout = find_pairs(data, mask_suffix).checked()
    labels, note = find_labels(layout.root, layout.learned)
    tasks = [
        (pair, Path() if split == "all" else Path(split))
        for split, pairs in layout.splits.items()
        for pair in pairs
    ]

    def write(task: tuple[Pair, Path]) -> None:
        pair, target = task[0], folder / task[1]
        mask = files.read_mask(pair.mask, labels)
        image_path = target / "images" / f"{pair.name}{pair.image.suffix.lower()}"
        mask_path = target / "masks" / f"{pair.name}.png"
        for path in (image_path, mask_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair.image, image_path)
        files.write_mask(mask_path, mask, labels)
        on_pair()

    plain = labels.indexed()
    with _files.new_folder(out) as folder, ThreadPoolExecutor() as pool:
        list(pool.map(write, tasks))
        _files.write_json(folder / "classes.json", plain.to_dict())
    return plain, note, len(tasks)
