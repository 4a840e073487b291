"""From images of any size to masks of the same size."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from kseg.errors import KsegError


class Predictor:
    """Predicts class indices for images of any size.

    An image whose longer side exceeds `max_side` is made smaller for the network, and what the
    network says is interpolated back. A side that `stride` does not divide is padded by its edge.

    Args:
        engine: Function from images, uint8, `(n, H, W, C)`, to probabilities `(n, H, W, classes)`.
        stride: The network takes sizes that are multiples of this.
        max_side: The longest side that the network is shown; `None` for no limit.
    """

    def __init__(
        self,
        engine: Callable[[np.ndarray], np.ndarray],
        *,
        stride: int = 32,
        max_side: int | None = None,
    ) -> None:
        self._engine = engine
        self._stride = stride
        self._max_side = max_side

    def predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predict masks; consecutive images of one size go through the network together.

        Args:
            images: Uint8, each `(height, width, channels)`.

        Returns:
            Class indices, uint8, each of its image's `(height, width)`.

        Raises:
            KsegError: An entry is not an image.
        """
        return [mask for mask, _ in self.predict_with_confidence(images)]

    def predict_with_confidence(
        self, images: Sequence[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Predict masks, as `predict` does, and the probability of each pixel's class.

        Returns:
            Class indices, uint8, and probabilities, float in [0, 1], each `(height, width)`.

        Raises:
            KsegError: An entry is not an image.
        """
        for image in images:
            if np.ndim(image) != 3:
                raise KsegError(
                    "Expected a sequence of images (height, width, channels). Received an entry of "
                    f"shape {np.shape(image)}: give [image] for one, image[..., None] for grey."
                )
        answers = []
        for group in _of_one_shape(images):
            height, width = self._shrunk(group[0]).shape[:2]
            outputs = self._engine(np.stack([self.shown(image) for image in group]))
            answers += [
                _likeliest(output[:height, :width], image.shape[:2])
                for output, image in zip(outputs, group, strict=True)
            ]
        return answers

    def shown(self, image: np.ndarray) -> np.ndarray:
        """Return an image as the network is shown it: within `max_side`, padded to `stride`."""
        return self._padded(self._shrunk(image))

    def _shrunk(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self._max_side is None or max(height, width) <= self._max_side:
            return image
        scale = self._max_side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.clip(image, 0, 255).astype(np.uint8)
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))

    def _padded(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        margins = ((0, -height % self._stride), (0, -width % self._stride), (0, 0))
        return np.pad(image, margins, mode="edge")


def _likeliest(probabilities: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the likeliest class of each pixel at `size`, one class at a time to save memory."""
    if probabilities.shape[-1] == 1:
        foreground = _resized(probabilities[..., 0], size)
        is_foreground = foreground >= 0.5
        return is_foreground.astype(np.uint8), np.where(is_foreground, foreground, 1 - foreground)
    if probabilities.shape[:2] == size:
        return probabilities.argmax(axis=-1).astype(np.uint8), probabilities.max(axis=-1)
    best = _resized(probabilities[..., 0], size)
    classes = np.zeros(size, np.uint8)
    for index in range(1, probabilities.shape[-1]):
        values = _resized(probabilities[..., index], size)
        better = values > best
        best[better] = values[better]
        classes[better] = index
    return classes, best


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if values.shape == size:
        return values
    image = Image.fromarray(np.asarray(values, np.float32))
    return np.array(image.resize(size[::-1], Image.Resampling.BILINEAR))


def _of_one_shape(images: Iterable[np.ndarray], most: int = 8) -> Iterator[list[np.ndarray]]:
    group: list[np.ndarray] = []
    for image in images:
        if group and (image.shape != group[0].shape or len(group) == most):
            yield group
            group = []
        group.append(image)
    if group:
        yield group
