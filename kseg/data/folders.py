"""A user's folders: `train/ val/ test/`, each with `images/` and `masks/`, matched by stem."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kseg.data import files
from kseg.data.samples import Sample
from kseg.labels import VOID, Labels, numbered_labels, read_labels

SPLITS = ("train", "val", "test")


class FolderSamples:
    """Images and masks of one split of a folder, in the order of their names.

    Args:
        folder: The data set's folder.
        split: "train", "val" or "test".
        labels: The classes.
        max_side: Images larger than this are made smaller on reading; `None` for no limit.

    Raises:
        ValueError: The split is missing or empty, or an image or mask stands alone.
    """

    def __init__(
        self, folder: Path | str, split: str, labels: Labels, max_side: int | None = None
    ) -> None:
        self.labels = labels
        self._max_side = max_side
        self._pairs = find_pairs(Path(folder) / split)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            ValueError: A file cannot be read, the sizes differ, or the mask holds a value outside
                the classes; the message names the file.
        """
        name, image_path, mask_path = self._pairs[index]
        image_size, mask_size = files.size_of(image_path), files.size_of(mask_path)
        if image_size != mask_size:
            raise ValueError(
                f"{mask_path} is {_written(mask_size)} pixels, but its image {image_path} is "
                f"{_written(image_size)} (height x width). Both must be of one size."
            )
        image = files.read_image(image_path, self._max_side)
        return Sample(name, image, files.read_mask(mask_path, self.labels, self._max_side))


def find_pairs(folder: Path) -> list[tuple[str, Path, Path]]:
    """Pair the files below `folder/images` and `folder/masks` by their path without suffix.

    Returns:
        Name, image and mask of each pair, sorted by name.

    Raises:
        ValueError: A folder is missing or empty, or a file has no partner.
    """
    images = _by_stem(folder / "images", files.IMAGE_SUFFIXES)
    masks = _by_stem(folder / "masks", files.MASK_SUFFIXES)
    alone = sorted(images.keys() ^ masks.keys())
    if alone:
        first = alone[0]
        path, wanted = (
            (images[first], f"a mask {folder / 'masks' / first}.png")
            if first in images
            else (masks[first], f"an image {folder / 'images' / first}.jpg or .png")
        )
        more = f" {len(alone) - 1} more files stand alone." if len(alone) > 1 else ""
        raise ValueError(f"{path} has no partner: expected {wanted}. Add it or move it away.{more}")
    return [(stem, images[stem], masks[stem]) for stem in sorted(images)]


def find_labels(folder: Path | str) -> tuple[Labels, str]:
    """Read `classes.json`, or work the classes out from the values of the training masks.

    Without the file, values 0 to n - 1 (255 is void) make n numbered classes, and masks of nothing
    but 0 and 255 mean background and foreground.

    Returns:
        The labels, and a sentence that says where they come from.

    Raises:
        ValueError: `classes.json` is not of its form, or the values fit neither rule.
    """
    folder = Path(folder)
    path = folder / "classes.json"
    if path.exists():
        labels = read_labels(path)
        return labels, f"{len(labels)} classes from {path}"
    masks = [mask for _, _, mask in find_pairs(folder / "train")]
    with ThreadPoolExecutor() as pool:
        found = set(np.concatenate(list(pool.map(files.read_values, masks))).tolist())
    if found == {0, VOID}:
        labels = Labels(("background", "foreground"), values={0: 0, VOID: 1})
        return labels, "masks hold 0 and 255: read as background and foreground"
    highest = max(found - {VOID}, default=0)
    if highest == 0:
        raise ValueError(
            f"{folder}/train/masks: the masks hold nothing but {_listed(sorted(found))}: at least "
            f"two classes are needed. Correct the masks, or say in a {path} what they mean."
        )
    if highest >= 2 * len(found):
        raise ValueError(
            f"{folder}/train/masks: the masks hold the values {_listed(sorted(found))}, which are "
            "not class indices 0, 1, 2, ... (255 is void). Say in a "
            f'{path} what they mean: {{"classes": [...], "values": {{"128": 1, ...}}}}.'
        )
    note = f"no {path}: the masks hold 0 to {highest}, so {highest + 1} classes, named by number"
    return numbered_labels(highest + 1), note


def has_split(folder: Path, split: str) -> bool:
    """Tell whether the folder has a split of that name."""
    return (folder / split).is_dir()


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise ValueError(
            f"{folder} is missing. A data folder holds train/, and val/ and test/ if you have "
            "them, each with images/ and masks/."
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        if path.suffix.lower() not in suffixes:
            if path.suffix.lower() in files.IMAGE_SUFFIXES:
                raise ValueError(
                    f"{path} cannot be a mask: {path.suffix} changes class indices. "
                    f"Masks must be one of {', '.join(suffixes)}."
                )
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise ValueError(f"{path} and {found[stem]} have one stem. Rename or move one of them.")
        found[stem] = path
    if not found:
        raise ValueError(f"{folder} holds no file that ends in {', '.join(suffixes)}.")
    return found


def _written(size: tuple[int, int]) -> str:
    return "x".join(str(side) for side in size)


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
