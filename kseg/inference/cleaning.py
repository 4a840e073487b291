"""Masks without crumbs: regions that are too small, or not the largest, go to what lies around."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy

TOUCHING = np.ones((3, 3), bool)
"""Pixels of a region touch by sides or corners."""


@dataclass(frozen=True)
class Cleaning:
    """What is done to a mask once it is decided; by itself nothing.

    Attributes:
        smallest: The fewest pixels that a region may have, see `merge_small`.
        largest: Classes of which the largest region alone stays, see `keep_largest`.
    """

    smallest: int = 0
    largest: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is done."""
        return self.smallest > 1 or bool(self.largest)

    def __call__(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask, uint8, `(height, width)`, cleaned."""
        if self.largest:
            mask = keep_largest(mask, self.largest)
        return merge_small(mask, self.smallest) if self.smallest > 1 else mask


def merge_small(mask: np.ndarray, smallest: int) -> np.ndarray:
    """Give regions of fewer pixels the class of the nearest pixel that stays.

    So specks go, and holes are filled: a hole is a small region of another class.

    Args:
        mask: Class indices, uint8, `(height, width)`.
        smallest: The fewest pixels that a region may have.

    Returns:
        Class indices, uint8, `(height, width)`; where no region is so large, the mask as it is.

    Example:
        >>> kseg.inference.merge_small(np.array([[1, 1, 0, 1, 1, 2]], np.uint8), 2)
        array([[1, 1, 1, 1, 1, 1]], dtype=uint8)
    """
    drop = np.zeros(mask.shape, bool)
    for index in np.unique(mask):
        numbers, sizes = _regions(mask == index)
        drop |= (sizes < smallest)[numbers] & (numbers > 0)
    return _given_to_neighbours(mask, drop)


def keep_largest(mask: np.ndarray, classes: Iterable[int]) -> np.ndarray:
    """Keep the largest region of each of some classes; the others go to what lies around.

    Args:
        mask: Class indices, uint8, `(height, width)`.
        classes: Their indices.

    Example:
        >>> kseg.inference.keep_largest(np.array([[1, 0, 0, 1, 1]], np.uint8), [1])
        array([[0, 0, 0, 1, 1]], dtype=uint8)
    """
    drop = np.zeros(mask.shape, bool)
    for index in classes:
        numbers, sizes = _regions(mask == index)
        sizes[0] = 0  # what is not of the class
        drop |= (numbers > 0) & (numbers != sizes.argmax())
    return _given_to_neighbours(mask, drop)


def _regions(belongs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each pixel's region, 0 for none, and the pixels of each number."""
    numbers, _ = scipy.ndimage.label(belongs, TOUCHING)
    return numbers, np.bincount(numbers.ravel())


def _given_to_neighbours(mask: np.ndarray, drop: np.ndarray) -> np.ndarray:
    """Give pixels the class of the nearest one that is not dropped."""
    if not drop.any() or drop.all():
        return mask
    nearest = scipy.ndimage.distance_transform_edt(
        drop, return_distances=False, return_indices=True
    )
    return mask[tuple(nearest)]
