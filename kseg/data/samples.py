"""A data set is a sequence of samples; this is all that the rest of kseg knows of it."""

import mmap
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kseg import _checks
from kseg.errors import KsegError
from kseg.labels import Labels


@dataclass(frozen=True)
class Sample:
    """An image and its mask.

    Attributes:
        name: What names the sample to a person, such as its file's stem.
        image: Uint8, shape `(height, width, channels)`: grey, RGB, or other bands.
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
        images: Uint8, shape `(n, height, width, channels)`, or a sequence of
            `(height, width, channels)`; of 1 to 8 channels, 3 for RGB.
        masks: Class indices, shape `(n, height, width)`, or a sequence of `(height, width)`.
        labels: The classes.

    Raises:
        KsegError: The arrays are not of this form, of unequal number, the images of unequal
            channels, or a mask and its image of unequal size.

    Example:
        >>> images, masks = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8), np.uint8)
        >>> samples = kseg.data.ArraySamples(images, masks, kseg.Labels(("background", "road")))
        >>> len(samples), samples[0].mask.shape
        (2, (8, 8))
    """

    def __init__(
        self, images: Sequence[np.ndarray], masks: Sequence[np.ndarray], labels: Labels
    ) -> None:
        _checks.same_length(masks, images, "masks", "images")
        for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
            alike = image.ndim == 3 and 1 <= image.shape[-1] == images[0].shape[-1] <= 8
            if image.dtype != np.uint8 or not alike or image.shape[:2] != mask.shape:
                raise KsegError(
                    "Images must be uint8 (height, width, channels), of 1 to 8 channels, the same "
                    "for all, and masks (height, width) of the same size. Received number "
                    f"{index}: image {image.dtype} {image.shape}, mask {mask.dtype} {mask.shape}."
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
            KsegError: The mask holds a value that is neither a class nor void.
        """
        try:
            mask = self.labels.from_values(self._masks[index])
        except ValueError as error:
            raise KsegError(f"Mask {index} {error}.") from None
        return Sample(str(index), self._images[index], mask)


class Few:
    """Some samples of a data set, evenly spaced.

    Args:
        samples: A data set.
        count: So many, at most.
    """

    def __init__(self, samples: Samples, count: int) -> None:
        self.labels = samples.labels
        self._samples = samples
        step = max(len(samples) // count, 1)
        self._chosen = range(0, len(samples), step)[:count]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._chosen)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        return self._samples[self._chosen[index]]


class Cached:
    """Samples kept in memory once read, until `limit` bytes are full; the rest is read anew.

    Args:
        samples: A data set.
        limit: Bytes that may be taken.

    Example:
        >>> samples = kseg.data.Cached(kseg.data.ShapesSamples("val", size=(32, 32)))
        >>> samples[0] is samples[0]  # drawn once
        True
    """

    def __init__(self, samples: Samples, limit: int = 2**30) -> None:
        self.labels = samples.labels
        self._samples = samples
        self._free = limit
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        if index in self._kept:
            return self._load(self._kept[index])
        sample = self._samples[index]
        size = sample.image.nbytes + sample.mask.nbytes
        with self._lock:
            if index not in self._kept and size <= self._free:
                try:
                    self._kept[index] = self._store(sample)
                    self._free -= size
                except OSError:  # the disk is full, whatever it promised
                    self._free = 0
        return sample

    def _store(self, sample: Sample) -> Any:
        """Keep a sample; return what finds it again.

        Raises:
            OSError: There is no room for it.
        """
        return sample

    def _load(self, kept: Any) -> Sample:
        """Return what `_store` kept."""
        return kept


class CachedOnDisk(Cached):
    """Samples kept in a file once read, which is mapped into memory; it ends with the process.

    The system keeps as much of the file in memory as is free for it.

    Args:
        samples: A data set.
        limit: Bytes that the file may take; by default a quarter of what is free there. What does
            not fit is read anew.
        folder: Where the file lies, nameless; by default the system's folder for temporary files,
            which the variable TMPDIR names.
    """

    def __init__(
        self, samples: Samples, limit: int | None = None, folder: Path | None = None
    ) -> None:
        folder = folder or Path(tempfile.gettempdir())
        super().__init__(samples, shutil.disk_usage(folder).free // 4 if limit is None else limit)
        # Open as long as the samples are.
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115

    def _store(self, sample: Sample) -> tuple[str, int, tuple[int, ...]]:
        start = self._file.tell()
        for pixels in (sample.image.tobytes(), sample.mask.tobytes()):
            if self._file.write(pixels) < len(pixels):
                raise OSError(f"No room for {len(pixels)} bytes.")
        return sample.name, start, sample.image.shape

    def _load(self, kept: tuple[str, int, tuple[int, ...]]) -> Sample:
        name, start, (height, width, channels) = kept
        pixels, lead = height * width, start % mmap.ALLOCATIONGRANULARITY
        content = mmap.mmap(
            self._file.fileno(),
            lead + (channels + 1) * pixels,
            offset=start - lead,
            access=mmap.ACCESS_READ,
        )
        values = np.frombuffer(content, np.uint8, offset=lead)
        image, mask = values[: channels * pixels], values[channels * pixels :]
        return Sample(name, image.reshape(height, width, channels), mask.reshape(height, width))


def stack(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Read samples of one size into arrays for `model.fit(images, masks)`.

    Args:
        samples: A data set.

    Returns:
        Images, uint8, `(n, height, width, channels)`, and masks, `(n, height, width)`.

    Raises:
        KsegError: The samples differ in size.

    Example:
        >>> samples = kseg.data.ShapesSamples("train", count=3, size=(32, 48))
        >>> images, masks = kseg.data.stack(samples)
        >>> images.shape, masks.shape
        ((3, 32, 48, 3), (3, 32, 48))
    """
    read = [samples[index] for index in range(len(samples))]
    sizes = {sample.mask.shape for sample in read}
    if len(sizes) != 1:
        raise KsegError(
            f"Only images of one size can be stacked. Received sizes {sorted(sizes)[:4]}. "
            "TrainingBatches crops images of any size to one."
        )
    return np.stack([s.image for s in read]), np.stack([s.mask for s in read])
