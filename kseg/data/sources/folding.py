"""Folds of the built-in shapes, which lie in no files."""

from collections.abc import Sequence

import numpy as np

from kseg.data.samples import Sample
from kseg.data.sources import splitting
from kseg.data.sources.shapes import LABELS, ShapesSamples
from kseg.errors import KsegError


class Picked:
    """Some samples of several data sets of the same classes.

    Args:
        sources: The data sets.
        indices: Of all their samples, one data set behind the other.
    """

    labels = LABELS

    def __init__(self, sources: Sequence[ShapesSamples], indices: np.ndarray) -> None:
        places = [(source, index) for source in sources for index in range(len(source))]
        self._places = [places[index] for index in indices]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._places)

    def __getitem__(self, index: int) -> Sample:
        """Draw one sample."""
        source, own = self._places[index]
        return source[own]


def drawn(size: tuple[int, int], seed: int, folds: int, fold: int, split: str) -> Picked:
    """Return the shapes that validate in a fold, or those that are learned from.

    Args:
        size: `(height, width)` of the images.
        seed: Seed of the shapes and of the division, which is at random.
        folds: Number of folds.
        fold: Which validates, from 1.
        split: "train" or "val".

    Raises:
        KsegError: There are fewer shapes than folds.
    """
    sources = [ShapesSamples(name, size=size, seed=seed) for name in ("train", "val")]
    count = sum(map(len, sources))
    if count < folds:
        raise KsegError(f"folds= must be at most {count}, the number of shapes. Received: {folds}.")
    parts = splitting.at_random(count, splitting.equal_fractions(count, folds), seed)
    held = parts.pop(fold - 1)
    return Picked(sources, held if split == "val" else np.sort(np.concatenate(parts)))
