"""From images of any size to probabilities and masks of the same size."""

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from kseg.errors import KsegError
from kseg.inference.decision import decide
from kseg.inference.engines.engine import Engine
from kseg.inference.probabilities import Probabilities

BATCH = 8


class Predictor:
    """Predicts the classes of images of any size: image -> probabilities -> mask.

    An image whose longer side exceeds `max_side` is made smaller for the network, and what the
    network says is interpolated back. A side that `stride` does not divide is padded by its edge.

    Args:
        engine: Function from images, uint8, `(n, H, W, C)`, to probabilities `(n, H, W, classes)`.
        stride: The network takes sizes that are multiples of this.
        max_side: The longest side that the network is shown; `None` for no limit.

    Example:
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(8, 16))
        >>> engine = kseg.inference.keras_engine(model)
        >>> predictor = kseg.inference.Predictor(engine, stride=2)
        >>> image = np.zeros((33, 47, 3), np.uint8)
        >>> [mask.shape for mask in predictor.predict([image, image])]
        [(33, 47), (33, 47)]
    """

    def __init__(self, engine: Engine, *, stride: int = 32, max_side: int | None = None) -> None:
        self._engine = engine
        self._stride = stride
        self._max_side = max_side

    def probabilities(self, images: Iterable[np.ndarray]) -> Iterator[Probabilities]:
        """Tell the probability of each class, image by image, as they are asked for.

        Consecutive images of one size go through the network together, at most 8.

        Args:
            images: Uint8, or float in 0..255, each `(height, width, channels)`; an iterator is read
                batch by batch.

        Raises:
            KsegError: An entry is not an image.
        """
        for group in _of_one_shape(images):
            shrunk = [self._shrunk(image) for image in group]
            height, width = shrunk[0].shape[:2]
            outputs = self._engine(np.stack([self._padded(image) for image in shrunk]))
            for output, image in zip(outputs, group, strict=True):
                yield Probabilities(output[:height, :width], image.shape[:2])

    def predict(self, images: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Predict masks.

        Args:
            images: Uint8, or float in 0..255, each `(height, width, channels)`.

        Returns:
            Class indices, uint8, each of its image's `(height, width)`.

        Raises:
            KsegError: An entry is not an image.
        """
        return [mask for mask, _ in map(decide, self.probabilities(images))]

    def shown(self, image: np.ndarray) -> np.ndarray:
        """Return an image as the network is shown it: within `max_side`, padded to `stride`."""
        return self._padded(self._shrunk(image))

    def _shrunk(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self._max_side is None or max(height, width) <= self._max_side:
            return image
        scale = self._max_side / max(height, width)
        return _averaged(image, (max(1, round(height * scale)), max(1, round(width * scale))))

    def _padded(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        margins = ((0, -height % self._stride), (0, -width % self._stride), (0, 0))
        return np.pad(image, margins, mode="edge")


def _averaged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image made smaller, uint8: each pixel the mean of those that it stands for.

    Channel by channel, whatever their number: Pillow would take the last of two or four for alpha,
    and weigh the others by it.
    """
    pixels = image if image.dtype == np.uint8 else np.clip(image, 0, 255).astype(np.uint8)
    channels = [
        Image.fromarray(np.ascontiguousarray(pixels[..., index]))
        for index in range(pixels.shape[-1])
    ]
    smaller = [one.resize(size[::-1], Image.Resampling.BOX) for one in channels]
    return np.stack([np.asarray(one) for one in smaller], axis=-1)


def _of_one_shape(images: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Group consecutive images of one shape, at most `BATCH`."""
    group: list[np.ndarray] = []
    for image in images:
        if np.ndim(image) != 3:
            raise KsegError(
                "images must be a sequence of (height, width, channels). Received an entry of "
                f"shape {np.shape(image)}: give [image] for one, image[..., None] for grey."
            )
        if group and image.shape != group[0].shape:
            yield group
            group = []
        group.append(image)
        if len(group) == BATCH:
            yield group
            group = []
    if group:
        yield group
