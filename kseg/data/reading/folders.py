"""Samples read from image and mask files, and what the values of the masks mean."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kseg.data.reading import files
from kseg.data.reading.layout import FOLDERS, Pair
from kseg.data.samples import Sample
from kseg.errors import KsegError
from kseg.labels import VOID, Labels, numbered_labels, read_labels

MOST_UNNAMED = 64
"""More classes than these need a `classes.json`: they are hardly meant."""


class FileSamples:
    """Images and masks in files.

    Args:
        pairs: An image and a mask per sample.
        labels: The classes.
        max_side: Images larger than this are made smaller on reading; `None` for no limit.
        channels: 1 for grey, 3 for RGB, or the number of bands of each image, up to 8.

    Example:
        >>> pairs = kseg.data.find_pairs("my_data").splits["train"]
        >>> samples = kseg.data.FileSamples(pairs, kseg.Labels(("ground", "box")), max_side=24)
        >>> samples[0].image.shape  # of 40 x 48 pixels
        (20, 24, 3)
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        labels: Labels,
        max_side: int | None = None,
        channels: int = 3,
    ) -> None:
        self.labels = labels
        self.pairs = tuple(pairs)
        self._max_side = max_side
        self._channels = channels

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            KsegError: A file cannot be read, the sizes differ, or the mask holds a value outside
                the classes; the message names the file.
        """
        pair = self.pairs[index]
        image, mask = files.read_pair(
            pair.image, pair.mask, self.labels, self._max_side, self._channels
        )
        return Sample(pair.name, image, mask)


def find_labels(folder: Path | str, pairs: Sequence[Pair]) -> tuple[Labels, str]:
    """Read `classes.json`, or work the classes out from the values of the training masks.

    Without the file, values 0 to n - 1 (255 is void) make n numbered classes, and masks of nothing
    but 0 and 255 mean background and foreground.

    Args:
        folder: Where `classes.json` lies, if there is one.
        pairs: The pairs to train on.

    Returns:
        The labels, and a sentence that says where they come from.

    Raises:
        KsegError: `classes.json` is not of its form, or the values fit neither rule.

    Example:
        >>> pairs = kseg.data.find_pairs("my_data").splits["train"]
        >>> labels, note = kseg.data.find_labels("my_data", pairs)
        >>> labels.names, note
        (('ground', 'box'), '2 classes from my_data/classes.json')
    """
    path = Path(folder) / "classes.json"
    if path.exists():
        labels = read_labels(path)
        return labels, f"{len(labels)} classes from {path}"
    check_stray(path)
    with ThreadPoolExecutor() as pool:
        values = list(pool.map(files.read_values, [pair.mask for pair in pairs]))
    return labels_of(set(np.concatenate(values).tolist()), path)


def check_stray(path: Path) -> None:
    """Refuse a `classes.json` in a folder of the data, or of another case, where none is read.

    Raises:
        KsegError: There is one.
    """
    folders = [path.parent]
    for folder in folders:  # grows by the folders in those that it holds
        for found in folder.iterdir():
            if found.name.lower() == path.name:
                raise KsegError(f"{found} is not read there. Move it to {path}.")
            if found.name.lower() in (*FOLDERS, "images", "masks") and found.is_dir():
                folders.append(found)


def labels_of(found: set[int], path: Path) -> tuple[Labels, str]:
    """Work the classes out from all values that masks hold; `path` is the file that could tell.

    Raises:
        KsegError: The values are neither indices from 0 on without gaps nor 0 and 255 alone.
    """
    if found == {0, VOID}:
        labels = Labels(("background", "foreground"), values={0: 0, VOID: 1})
        return labels, "masks hold 0 and 255: read as background and foreground"
    indices = sorted(found - {VOID})
    if len(indices) < 2:
        raise KsegError(
            f"{path.parent}: the masks hold nothing but {_listed(sorted(found)) or 'nothing'}: at "
            f"least two classes are needed. Correct the masks, or say in a {path} what they mean."
        )
    highest = indices[-1]
    if indices != list(range(highest + 1)) or highest >= MOST_UNNAMED:
        raise KsegError(
            f"{path.parent}: the masks hold the values {_listed(indices)} up to {highest}, which "
            f"are not class indices 0, 1, 2, ... without gaps, below {MOST_UNNAMED} (255 is void)."
            f' Say in a {path} what they mean: {{"classes": [...], "values": {{"128": 1, ...}}}}. '
            "Values between 0 and 255 alone come from masks that were compressed or resized."
        )
    note = f"no {path}: the masks hold 0 to {highest}, so {highest + 1} classes, named by number"
    return numbered_labels(highest + 1), note


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
