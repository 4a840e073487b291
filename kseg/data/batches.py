"""Samples to batches, in threads, for `model.fit` and `model.evaluate`."""

import math

import keras
import numpy as np

from kseg import _checks
from kseg.data.augment import Augmentation
from kseg.data.samples import Samples


class TrainingBatches(keras.utils.PyDataset):
    """Shuffled, augmented batches of one size.

    The order of an epoch and the augmentation of a sample depend on `(seed, epoch, index)` alone,
    not on the number of threads: fit with `shuffle=False`, for Keras would mix the batches by a
    random state of its own. `epoch` may be set before an epoch; it counts on by itself.

    Args:
        samples: A data set.
        batch_size: Images a batch; what does not fill one is left for another epoch's order.
        augment: Function of `(image, mask, seed)` that returns image and mask of one size.
        seed: Seed of order and augmentation.
        workers: Threads.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        augment: Augmentation,
        seed: int = 0,
        workers: int = 2,
    ) -> None:
        super().__init__(workers=workers)
        self.epoch = 0
        self._samples = samples
        self._batch_size = min(_checks.positive_int(batch_size, "batch_size"), len(samples))
        self._augment = augment
        self._seed = seed

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return len(self._samples) // self._batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8, `(batch, H, W, 3)`, and masks, `(batch, H, W)`."""
        order = np.random.default_rng((self._seed, self.epoch)).permutation(len(self._samples))
        chosen = order[index * self._batch_size : (index + 1) * self._batch_size].tolist()
        images, masks = zip(*(self._augmented(number) for number in chosen), strict=True)
        return np.stack(images), np.stack(masks)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order."""
        self.epoch += 1

    def _augmented(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self._samples[number]
        seed = np.random.SeedSequence((self._seed, self.epoch, number)).generate_state(1)
        return self._augment(sample.image, sample.mask, int(seed[0]))


class ValidationBatches(keras.utils.PyDataset):
    """Batches in order, as they are, padded to one size: the image by its edge, the mask with void.

    Args:
        samples: A data set.
        batch_size: Images a batch; the last one may hold fewer.
        size: `(height, width)`, at least that of the largest image.
        workers: Threads.
    """

    def __init__(
        self, samples: Samples, batch_size: int, size: tuple[int, int], workers: int = 2
    ) -> None:
        super().__init__(workers=workers)
        self._samples = samples
        self._batch_size = _checks.positive_int(batch_size, "batch_size")
        self._size = size

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self._samples) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images, uint8, `(batch, H, W, 3)`, and masks, `(batch, H, W)`."""
        first = index * self._batch_size
        chosen = range(first, min(first + self._batch_size, len(self._samples)))
        samples = [self._samples[number] for number in chosen]
        void = self._samples.labels.ignore
        return (
            np.stack([pad(sample.image, self._size) for sample in samples]),
            np.stack([pad(sample.mask, self._size, void) for sample in samples]),
        )


def pad(pixels: np.ndarray, size: tuple[int, int], value: int | None = None) -> np.ndarray:
    """Pad at the bottom and the right to `(height, width)`: with `value`, or by the edge."""
    margins = [(0, side - have) for side, have in zip(size, pixels.shape, strict=False)]
    margins += [(0, 0)] * (pixels.ndim - 2)
    if value is None:
        return np.pad(pixels, margins, mode="edge")
    return np.pad(pixels, margins, constant_values=value)
