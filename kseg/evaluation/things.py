"""How well things are found, by how large they are."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from kseg.data.samples import Sample
from kseg.inference.cleaning import TOUCHING
from kseg.inference.decision import Decided
from kseg.labels import Labels

SIDES = (8, 16, 32, 64, 128)
"""What parts the sizes of things: the square root of their pixels."""
FOUND = 0.5
"""A thing is found where this part of its pixels, at least, is predicted as its class."""


@dataclass(frozen=True)
class Things:
    """Regions of the truth, pixels of one class that touch, and how much of each is found.

    Attributes:
        classes: The class of each, int64, `(things,)`.
        sides: The square root of its pixels, float64, `(things,)`.
        recall: The part of its pixels that is predicted as its class, float64, `(things,)`.
    """

    classes: np.ndarray
    sides: np.ndarray
    recall: np.ndarray

    def table(self, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
        """Count things by class and size.

        Returns:
            Their number and how many of them are found, int64, `(num_classes, 6)`: of sides under
            8, from 8, 16, 32, 64, and 128 pixels on.
        """
        cells = self.classes, np.searchsorted(SIDES, self.sides, side="right")
        there, found = np.zeros((2, num_classes, len(SIDES) + 1), np.int64)
        np.add.at(there, cells, 1)
        np.add.at(found, cells, self.recall >= FOUND)
        return there, found


class ThingCounts:
    """Notes how much is found of each region of the truth, void left out.

    Args:
        labels: The classes.

    Example:
        >>> truth = np.zeros((12, 12), np.uint8)
        >>> truth[:2, :2], truth[4:, :] = 1, 1  # a small box and a large one
        >>> found = np.zeros_like(truth)
        >>> found[4:, :] = 1
        >>> counts = kseg.evaluation.ThingCounts(kseg.Labels(("background", "box")))
        >>> sample = kseg.data.Sample("photo", np.zeros((12, 12, 3), np.uint8), truth)
        >>> sure = np.ones(truth.shape)
        >>> counts.update(sample, kseg.inference.Decided(found, sure, 1 - sure))
        >>> things = counts.result()
        >>> things.classes, things.sides.round(1), things.recall
        (array([0, 1, 1]), array([6.6, 2. , 9.8]), array([1., 0., 1.]))
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image."""
        for index in np.unique(sample.mask).tolist():
            if index >= len(self._labels):
                continue
            inside = sample.mask == index
            numbers, count = ndimage.label(inside, TOUCHING)
            pixels = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
            right = np.bincount(numbers[inside & (found.mask == index)], minlength=count + 1)[1:]
            self._found.append((np.full(count, index), np.sqrt(pixels), right / pixels))

    def result(self) -> Things:
        """Return the things so far."""
        if not self._found:
            return Things(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        return Things(*map(np.concatenate, zip(*self._found, strict=True)))
