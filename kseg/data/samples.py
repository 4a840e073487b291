"""A data set is a sequence of samples; this is all that the rest of kseg knows of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kseg.labels import Labels


@dataclass(frozen=True)
class Sample:
    """An image and its mask.

    Attributes:
        name: What names the sample to a person, such as its file's stem.
        image: Uint8 RGB, shape `(height, width, 3)`.
        mask: Class indices, uint8, shape `(height, width)`.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray


class Samples(Protocol):
    """A sequence of samples with their labels; an item can be read from several threads."""

    labels: Labels

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, index: int) -> Sample:
        """Return one sample; reading it twice gives the same."""


class Subset:
    """Some of the samples, in a given order."""

    def __init__(self, samples: Samples, indices: Sequence[int]) -> None:
        self.labels = samples.labels
        self._samples = samples
        self._indices = tuple(indices)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        return self._samples[self._indices[index]]


class Cached:
    """Samples kept in memory once read, until `limit` bytes are full; the rest is read anew."""

    def __init__(self, samples: Samples, limit: int = 2**30) -> None:
        self.labels = samples.labels
        self._samples = samples
        self._free = limit
        self._kept: dict[int, Sample] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        sample = self._kept.get(index)
        if sample is None:
            sample = self._samples[index]
            size = sample.image.nbytes + sample.mask.nbytes
            with self._lock:
                if index not in self._kept and size <= self._free:
                    self._kept[index] = sample
                    self._free -= size
        return sample


def split(samples: Samples, fraction: float, seed: int) -> tuple[Subset, Subset]:
    """Split samples at random, by seed, into a larger and a smaller part.

    Args:
        samples: At least 2 samples.
        fraction: Size of the smaller part, in (0, 1); it holds at least one sample.
        seed: The same seed gives the same parts.

    Raises:
        ValueError: There are fewer than 2 samples.
    """
    if len(samples) < 2:
        raise ValueError("A split needs at least 2 images. Received 1: add images to train.")
    order = np.random.default_rng(seed).permutation(len(samples)).tolist()
    count = max(1, round(len(samples) * fraction))
    return Subset(samples, sorted(order[count:])), Subset(samples, sorted(order[:count]))


def stack(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Read samples of one size into arrays for `model.fit(images, masks)`.

    Returns:
        Images, uint8, `(n, height, width, 3)`, and masks, `(n, height, width)`.

    Raises:
        ValueError: The samples differ in size.
    """
    read = [samples[index] for index in range(len(samples))]
    sizes = {sample.mask.shape for sample in read}
    if len(sizes) != 1:
        raise ValueError(
            f"Only images of one size can be stacked. Received sizes {sorted(sizes)[:4]}. "
            "TrainingBatches crops images of any size to one."
        )
    return np.stack([s.image for s in read]), np.stack([s.mask for s in read])
