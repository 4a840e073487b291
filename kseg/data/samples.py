"""A data set is a sequence of samples; this is all that the rest of kseg knows of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kseg import _checks
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


class ArraySamples:
    """Images and masks that a script holds in memory already.

    Args:
        images: Uint8 RGB, shape `(n, height, width, 3)`, or a sequence of `(height, width, 3)`.
        masks: Class indices, shape `(n, height, width)`, or a sequence of `(height, width)`.
        labels: The classes.

    Raises:
        ValueError: The arrays are not of this form, of unequal number, or a mask and its image of
            unequal size.
    """

    def __init__(
        self, images: Sequence[np.ndarray], masks: Sequence[np.ndarray], labels: Labels
    ) -> None:
        _checks.same_length(masks, images, "masks", "images")
        for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
            if image.dtype != np.uint8 or image.shape != (*mask.shape, 3) or mask.ndim != 2:
                raise ValueError(
                    "Images must be uint8 RGB (height, width, 3), and masks (height, width) of the "
                    f"same size. Received number {index}: image {image.dtype} {image.shape}, mask "
                    f"{mask.dtype} {mask.shape}."
                )
        self.labels = labels
        self._images = images
        self._masks = masks

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample.

        Raises:
            ValueError: The mask holds a value that is neither a class nor void.
        """
        try:
            mask = self.labels.from_values(self._masks[index])
        except ValueError as error:
            raise ValueError(f"Mask {index} {error}.") from None
        return Sample(str(index), self._images[index], mask)


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
