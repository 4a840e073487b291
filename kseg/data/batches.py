"""Samples to batches, in threads, for `model.fit` and `model.evaluate`."""

import math
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from kseg import _checks
from kseg.data.augment.mixing import Mix
from kseg.data.augment.pipelines import Augmentation
from kseg.data.samples import ArraySamples, Samples


class _Ahead(keras.utils.PyDataset):
    """Makes the next batches in threads while the network works on one.

    Keras's own threads are not used: on JAX they keep batches that were made to find out the
    shapes, and hand them out in a later epoch. Here a batch serves its epoch and index alone.

    Attributes:
        epoch: The epoch that batches are made of.
        waited: Seconds in which a batch was asked for and not made yet.
    """

    _samples: Samples

    def __init__(self, workers: int | None) -> None:
        super().__init__()
        workers = workers or min(os.cpu_count() or 1, 8)
        self.epoch = 0
        self.waited = 0.0
        self._depth = workers + 2
        self._pool = ThreadPoolExecutor(workers)
        self._coming: dict[tuple[int, int], Future] = {}
        self._lock = threading.Lock()

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8, `(batch, H, W, channels)`, and masks, `(batch, H, W)`."""
        epoch = self.epoch
        with self._lock:
            for key in [key for key in self._coming if key[0] != epoch]:
                self._coming.pop(key).cancel()
            for following in range(index, min(index + self._depth, len(self))):
                key = (epoch, following)
                is_room = following == index or len(self._coming) < 2 * self._depth
                if key not in self._coming and is_room:
                    self._coming[key] = self._pool.submit(self._make, *key)
            batch = self._coming.pop((epoch, index))
        started = time.perf_counter()
        result = batch.result()
        self.waited += time.perf_counter() - started
        return result

    def close(self) -> None:
        """End the threads and let go of the data set; there are no batches any more.

        TensorFlow keeps what a network was fitted on until the process ends.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._coming.clear()
        self._samples = ArraySamples([], [], self._samples.labels)

    def _make(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Make a batch, a pure function of its arguments."""
        raise NotImplementedError


class TrainingBatches(_Ahead):
    """Shuffled, augmented batches of one size.

    The order of an epoch and the augmentation of a sample depend on `(seed, epoch, index)` alone,
    not on the number of threads: fit with `shuffle=False`, for Keras would mix the batches by a
    random state of its own. `epoch` may be set before an epoch; it counts on by itself. `first` may
    be set to leave out the first batches of every epoch, as where a training goes on in one.

    Args:
        samples: A data set.
        batch_size: Images per batch; what does not fill one is left for another epoch's order.
        augment: Function of `(image, mask, seed)` that returns image and mask of one size.
        seed: Seed of order and augmentation.
        workers: Threads; by default one per processor core, up to 8.
        mix: Makes one of two samples, half of the time; a function of `kseg.data.augment.mixing`.

    Attributes:
        batch_size: Images per batch; no more than there are.

    Example:
        >>> samples = kseg.data.ShapesSamples("train", count=10, size=(64, 64))
        >>> augment = kseg.data.augmentation("light", size=(32, 32), ignore=255)
        >>> batches = kseg.data.TrainingBatches(samples, 4, augment)
        >>> len(batches), [array.shape for array in batches[0]]
        (2, [(4, 32, 32, 3), (4, 32, 32)])
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        augment: Augmentation,
        seed: int = 0,
        workers: int | None = None,
        mix: Mix | None = None,
    ) -> None:
        super().__init__(workers)
        self._samples = samples
        self.batch_size = min(_checks.positive_int(batch_size, "batch_size"), len(samples))
        self._augment = augment
        self._seed = seed
        self._mix = mix
        self.first = 0

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return len(self._samples) // self.batch_size - self.first

    def names(self, index: int) -> list[str]:
        """Return the names of the samples of a batch of this epoch."""
        return [self._samples[number].name for number in self._chosen(self.epoch, index)]

    def _chosen(self, epoch: int, index: int) -> list[int]:
        index += self.first
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._samples))
        return order[index * self.batch_size : (index + 1) * self.batch_size].tolist()

    def _make(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._chosen(epoch, index)
        images, masks = zip(*(self._mixed(epoch, number) for number in chosen), strict=True)
        return np.stack(images), np.stack(masks)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order."""
        self.epoch += 1

    def _mixed(self, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self._augmented(epoch, number)
        if self._mix is None:
            return image, mask
        rng = np.random.default_rng((self._seed, epoch, number, 1))
        if rng.uniform() < 0.5:
            return image, mask
        other = self._augmented(epoch, int(rng.integers(len(self._samples))))
        return self._mix(image, mask, *other, rng)

    def _augmented(self, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self._samples[number]
        seed = np.random.SeedSequence((self._seed, epoch, number)).generate_state(1)
        return self._augment(sample.image, sample.mask, int(seed[0]))


class ValidationBatches(_Ahead):
    """Batches in order, as they are, padded to one size: the image by its edge, the mask with void.

    Args:
        samples: A data set.
        batch_size: Images per batch; the last one may hold fewer.
        size: `(height, width)`, at least that of the largest image.
        workers: Threads; by default one per processor core, up to 8.

    Attributes:
        size: `(height, width)` of every image.

    Example:
        >>> samples = kseg.data.ShapesSamples("val", count=5, size=(30, 40))
        >>> batches = kseg.data.ValidationBatches(samples, 4, size=(32, 64))
        >>> [masks.shape for images, masks in (batches[0], batches[1])]
        [(4, 32, 64), (1, 32, 64)]
    """

    def __init__(
        self, samples: Samples, batch_size: int, size: tuple[int, int], workers: int | None = None
    ) -> None:
        super().__init__(workers)
        self._samples = samples
        self._batch_size = _checks.positive_int(batch_size, "batch_size")
        self.size = size

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self._samples) / self._batch_size)

    def _make(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        first = index * self._batch_size
        chosen = range(first, min(first + self._batch_size, len(self._samples)))
        samples = [self._samples[number] for number in chosen]
        void = self._samples.labels.ignore
        return (
            np.stack([pad(sample.image, self.size) for sample in samples]),
            np.stack([pad(sample.mask, self.size, void) for sample in samples]),
        )


def pad(pixels: np.ndarray, size: tuple[int, int], value: int | None = None) -> np.ndarray:
    """Pad at the bottom and the right to `(height, width)`: with `value`, or by the edge."""
    margins = [(0, side - have) for side, have in zip(size, pixels.shape, strict=False)]
    margins += [(0, 0)] * (pixels.ndim - 2)
    if value is None:
        return np.pad(pixels, margins, mode="edge")
    return np.pad(pixels, margins, constant_values=value)
