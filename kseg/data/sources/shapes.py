"""`shapes`: an endless data set made on the fly, to learn and test with, offline.

Circles, squares, triangles, stars and rings of many sizes on a textured background, partly hidden
by each other and by clutter, under light and noise that vary. Each class leans to a hue that its
neighbours share in part: colour helps, form decides. A sample is a pure function of the seed, the
split and its index.
"""

from collections.abc import Callable
from colorsys import hsv_to_rgb

import numpy as np

from kseg import _checks
from kseg.data.reading.layout import SPLITS
from kseg.data.samples import Sample
from kseg.labels import Labels

LABELS = Labels(("background", "circle", "square", "triangle", "star", "ring"))
COUNTS = {"train": 800, "val": 100, "test": 200}


class ShapesSamples:
    """Samples of `shapes`.

    Args:
        split: "train", "val" or "test"; their samples differ.
        count: Number of samples; by default 800, 100 and 200.
        size: `(height, width)` in pixels.
        seed: The same seed gives the same samples.

    Example:
        >>> samples = kseg.data.ShapesSamples("val", size=(32, 32))
        >>> len(samples), samples[0].name, samples.labels.names[:3]
        (100, 'val_00000', ('background', 'circle', 'square'))
    """

    labels = LABELS

    def __init__(
        self,
        split: str = "train",
        count: int | None = None,
        size: tuple[int, int] = (128, 128),
        seed: int = 0,
    ) -> None:
        self._split = _checks.one_of(split, SPLITS, "split")
        self._count = COUNTS[split] if count is None else count
        self._size = size
        self._seed = seed

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Draw one sample.

        Raises:
            IndexError: The index is outside the data set.
        """
        if not 0 <= index < self._count:
            raise IndexError(f"shapes {self._split} has {self._count} samples; asked for {index}")
        rng = np.random.default_rng((self._seed, SPLITS.index(self._split), index))
        image, mask = draw_scene(rng, self._size)
        return Sample(f"{self._split}_{index:05d}", image, mask)


def draw_scene(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw one scene.

    Returns:
        The image, uint8, `(height, width, 3)`, and the mask, uint8, `(height, width)`.
    """
    image = _texture(rng, size, rng.uniform(5, 20)) + _grey(rng)
    mask = np.zeros(size, np.uint8)
    for _ in range(rng.integers(1, 6)):
        _paint_clutter(rng, image)
    for _ in range(rng.integers(2, 6)):
        kind = int(rng.integers(1, len(LABELS)))
        radius = min(size) * np.exp(rng.uniform(-2.2, -1.1))
        _paint(rng, image, mask, SHAPES[kind - 1], kind, radius)
    for _ in range(rng.integers(0, 3)):
        _paint_clutter(rng, image, mask)
    return _light(rng, image), mask


def _circle(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return x**2 + y**2 < 1


def _square(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.maximum(abs(x), abs(y)) < 0.8


def _triangle(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (y < 0.5) & (y + np.sqrt(3) * abs(x) > -1) & (y - np.sqrt(3) * abs(x) > -1)


def _star(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    fifth = 2 * np.pi / 5
    angle = abs((np.arctan2(x, -y) + fifth / 2) % fifth - fifth / 2)
    inner = 0.45
    # The straight edge from a tip (radius 1) to a notch (radius `inner`, half a fifth further).
    run, rise = inner * np.cos(fifth / 2) - 1, inner * np.sin(fifth / 2)
    radius = np.hypot(x, y)
    return radius * (np.cos(angle) * rise - np.sin(angle) * run) < rise


def _ring(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    radius = x**2 + y**2
    return (radius < 1) & (radius > 0.55**2)


SHAPES = (_circle, _square, _triangle, _star, _ring)


def _paint(
    rng: np.random.Generator,
    image: np.ndarray,
    mask: np.ndarray,
    shape: Callable,
    index: int,
    radius: float,
) -> None:
    """Paint one shape, in any place and turned by any angle, into image and mask."""
    height, width = mask.shape
    center_y, center_x = rng.uniform(0.1, 0.9, 2) * mask.shape
    angle = rng.uniform(0, 2 * np.pi)
    top, bottom = max(0, int(center_y - radius)), min(height, int(center_y + radius) + 2)
    left, right = max(0, int(center_x - radius)), min(width, int(center_x + radius) + 2)
    y = (np.arange(top, bottom)[:, None] - center_y) / radius
    x = (np.arange(left, right)[None, :] - center_x) / radius
    turned_y = np.cos(angle) * y - np.sin(angle) * x
    turned_x = np.sin(angle) * y + np.cos(angle) * x
    inside = shape(turned_y, turned_x)
    window = image[top:bottom, left:right]
    around = window.mean(axis=(0, 1))
    color = _vivid(rng, index)
    while np.linalg.norm(color - around) < 60:
        color = _vivid(rng, index)
    shade = rng.uniform(-25, 25) * turned_y + rng.normal(0, rng.uniform(2, 12), inside.shape)
    window[inside] = color + shade[inside][:, None]
    mask[top:bottom, left:right][inside] = index


def _paint_clutter(
    rng: np.random.Generator, image: np.ndarray, mask: np.ndarray | None = None
) -> None:
    """Paint a bar of any direction; over `mask`, where given, it is background."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, np.pi)
    y = np.arange(height)[:, None] - rng.uniform(0, height)
    x = np.arange(width)[None, :] - rng.uniform(0, width)
    across = np.cos(angle) * y - np.sin(angle) * x
    along = np.sin(angle) * y + np.cos(angle) * x
    thickness = rng.uniform(0.01, 0.04) * min(height, width)
    inside = (abs(across) < thickness) & (abs(along) < rng.uniform(0.1, 0.5) * width)
    image[inside] = _grey(rng)
    if mask is not None:
        mask[inside] = 0


def _vivid(rng: np.random.Generator, index: int) -> np.ndarray:
    """Return a colour of strong saturation; its hue leans to the class's, as with real things."""
    hue = rng.normal(index / len(SHAPES), 0.035) % 1
    return 255 * np.array(hsv_to_rgb(hue, rng.uniform(0.5, 1), rng.uniform(0.5, 1)))


def _grey(rng: np.random.Generator) -> np.ndarray:
    """Return a colour of weak saturation and any lightness."""
    return rng.uniform(40, 215) + rng.uniform(-25, 25, 3)


def _texture(rng: np.random.Generator, size: tuple[int, int], strength: float) -> np.ndarray:
    """Return smooth noise of three scales, mean about 0, shape `(height, width, 3)`."""
    total = np.zeros((*size, 3))
    for cells in (4, 16, 64):
        repeat = [-(-side // cells) for side in size]
        coarse = rng.normal(0, strength * (4 / cells) ** 0.5, (cells + 1, cells + 1, 3))
        fine = _stretch(_stretch(coarse, repeat[0], 0), repeat[1], 1)
        total += fine[: size[0], : size[1]]
    return total


def _stretch(values: np.ndarray, repeat: int, axis: int) -> np.ndarray:
    """Interpolate linearly between neighbours along an axis, `repeat` values for each."""
    low = np.repeat(values.take(range(values.shape[axis] - 1), axis), repeat, axis)
    high = np.repeat(values.take(range(1, values.shape[axis]), axis), repeat, axis)
    share = np.arange(low.shape[axis]) % repeat / repeat
    return low + (high - low) * np.expand_dims(share, (1, 2) if axis == 0 else 1)


def _light(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Let the light fall unevenly, and add the sensor's noise."""
    height, width = image.shape[:2]
    slope = np.linspace(-1, 1, height)[:, None] * rng.uniform(-0.3, 0.3)
    slope = slope + np.linspace(-1, 1, width)[None, :] * rng.uniform(-0.3, 0.3)
    image = image * (rng.uniform(0.7, 1.15) + slope)[..., None]
    image += rng.normal(0, rng.uniform(1, 10), image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)
