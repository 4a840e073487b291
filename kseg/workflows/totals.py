"""What is written of all images of a prediction together: areas as CSV, regions for COCO."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import scipy

from kseg import _files
from kseg.inference.cleaning import TOUCHING
from kseg.inference.settings import IN_ALL
from kseg.labels import Labels
from kseg.reports.regions import annotations, regions_of
from kseg.reports.tables import of_shard
from kseg.workflows.results import Prediction


class Total(Protocol):
    """Writes something of each image to a file."""

    def add(self, found: Prediction) -> None:
        """Write what is found in an image."""

    def end(self) -> None:
        """Write what stands at the end."""


def with_totals(
    predictions: Iterator[Prediction],
    kinds: Sequence[str],
    labels: Labels,
    out: Path,
    shard: tuple[int, int],
) -> Iterator[Prediction]:
    """Yield predictions, and write something of all of them; the files appear when all are there.

    Args:
        predictions: Images in files, arrays and errors are passed over.
        kinds: What to write, of `IN_ALL`.
        labels: The classes.
        out: The folder.
        shard: Which part of the images this is, `(i, n)`; it stands in the files' names.
    """
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        totals = []
        for kind in kinds:
            path = of_shard(out / IN_ALL[kind], shard)
            temporary = stack.enter_context(_files.atomic(path))
            file = stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
            totals.append(TOTALS[kind](file, labels))
        for found in predictions:
            if isinstance(found.source, Path) and found.error is None:
                for total in totals:
                    total.add(found)
            yield found
        for total in totals:
            total.end()


class Areas:
    """A line per image and class: pixels, part of the image, and regions.

    Of an image whose mask is written by rows, the part alone.
    """

    def __init__(self, file: TextIO, labels: Labels) -> None:
        self._labels = labels
        self._table = csv.writer(file, lineterminator="\n")
        self._table.writerow(["image", "class", "pixels", "part", "regions"])

    def add(self, found: Prediction) -> None:
        """Write the lines of an image."""
        for name, part in (found.areas or {}).items():
            pixels = regions = ""
            if found.mask is not None:
                belongs = found.mask == self._labels.names.index(name)
                pixels, regions = str(np.count_nonzero(belongs)), str(_count(belongs))
            self._table.writerow([found.source, name, pixels, f"{part:.6f}", regions])

    def end(self) -> None:
        """Write nothing more."""


class Coco:
    """Images, classes and regions, as COCO's tools read them.

    References:
        https://cocodataset.org/#format-data
    """

    def __init__(self, file: TextIO, labels: Labels) -> None:
        self._file = file
        self._labels = labels
        self._images: list[dict[str, Any]] = []
        self._annotations = 0
        classes = [{"id": index, "name": name} for index, name in enumerate(labels.names)]
        file.write(f'{{"categories": {json.dumps(classes)},\n"annotations": [')

    def add(self, found: Prediction) -> None:
        """Write the regions of an image."""
        if found.mask is None:
            return
        number, size = len(self._images) + 1, found.mask.shape
        height, width = size
        image = {"id": number, "file_name": str(found.source), "height": height, "width": width}
        self._images.append(image)
        regions = regions_of(found.mask, self._labels)
        for one in annotations(regions, (height, width), number, self._annotations + 1):
            self._file.write(("," if self._annotations else "") + "\n" + json.dumps(one))
            self._annotations += 1

    def end(self) -> None:
        """Write the images."""
        self._file.write(f'],\n"images": {json.dumps(self._images)}}}\n')


def _count(belongs: np.ndarray) -> int:
    return int(scipy.ndimage.label(belongs, TOUCHING)[1])


TOTALS: dict[str, Any] = {"areas": Areas, "coco": Coco}
