"""Test-time augmentation: the answers for several views of an image, averaged."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from kseg.data.resizing import resized_image
from kseg.inference.engines.engine import Engine
from kseg.inference.probabilities import averaged
from kseg.inference.settings import ASKED, DROPOUT, SCALES, read_views


def with_views(engine: Engine, views: str, stride: int = 32, keeps_entropy: bool = False) -> Engine:
    """Return an engine that asks about several views of an image, and averages the answers.

    "flip" adds the mirror image, "turns" the three quarter turns, and "scales" the image at 3/4 and
    5/4 of its sides; "flip+turns" are all eight, "flip+scales" six. "dropout" asks eight times,
    of an engine that answers at random: `dropout_engine`.

    Args:
        engine: Any engine.
        views: Names, joined by "+".
        stride: The engine takes sizes that are multiples of this.
        keeps_entropy: Whether the mean entropy of the answers follows the classes, as
            `Predictor(has_entropy=True)` takes it.

    Raises:
        ArgumentError: A name is unknown.

    Example:
        >>> model = kseg.build_convnet((None, None, 3), 2, filters=(4,))
        >>> engine = kseg.inference.with_views(kseg.inference.keras_engine(model), "flip")
        >>> image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3))
        >>> np.allclose(engine(image[:, :, ::-1]), engine(image)[:, :, ::-1], atol=1e-6)
        True
    """
    names = read_views(views)
    scales = SCALES if "scales" in names else (1.0,)
    times = ASKED[DROPOUT] if DROPOUT in names else 1

    def answers(images: np.ndarray) -> Iterator[np.ndarray]:
        height, width = images.shape[1:3]
        for scale in scales:
            size = tuple(max(round(side * scale / stride), 1) * stride for side in (height, width))
            shown = images if scale == 1 else np.stack([resized_image(i, size) for i in images])
            for _ in range(times):
                for found in _turned(engine, shown, names):
                    yield found if scale == 1 else _resized(found, (height, width))

    return lambda images: averaged(answers(images), keeps_entropy)


def _turned(engine: Engine, images: np.ndarray, names: tuple[str, ...]) -> Iterator[np.ndarray]:
    """Yield the answers for images turned and mirrored, turned and mirrored back."""
    for turns in range(4 if "turns" in names else 1):
        turned = np.rot90(images, turns, axes=(1, 2))
        found = engine(np.ascontiguousarray(turned))
        yield np.rot90(found, -turns, axes=(1, 2))
        if "flip" in names:
            found = engine(np.ascontiguousarray(turned[:, :, ::-1]))[:, :, ::-1]
            yield np.rot90(found, -turns, axes=(1, 2))


def _resized(found: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring probabilities, `(n, h, w, K)`, to a size, bilinearly."""
    result = np.empty((len(found), *size, found.shape[-1]), np.float32)
    for index, image in enumerate(found):
        for channel in range(found.shape[-1]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32))
            resized = plane.resize(size[::-1], Image.Resampling.BILINEAR)
            result[index, ..., channel] = np.asarray(resized)
    return result
