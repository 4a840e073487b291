"""A careful look at each pair of a data set, in threads: facts alone, what they mean elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from scipy.fft import dctn

from kseg.data.reading import files
from kseg.data.reading.layout import Pair
from kseg.data.resizing import resized_image
from kseg.data.statistics import region_areas
from kseg.labels import Color

Found = TypeVar("Found")
Value = int | Color
"""What a mask file holds at a pixel."""

MOST_COLORS = 4096
SPECK = 4


@dataclass(frozen=True)
class ImageLook:
    """What an image file holds.

    Attributes:
        size: `(height, width)`, upright.
        orientation: EXIF orientation, 1 where it is upright.
        hash: Perceptual hash: 64 booleans, nearly the same for images that look the same.
        peak: The brightest value of the image, made smaller, in 0..255.
        thumb: The image at 32x32, uint8, `(32, 32, channels)`.
        spare: Bands that the file holds beyond the colours that are read.
    """

    size: tuple[int, int]
    orientation: int
    hash: np.ndarray
    peak: int
    thumb: np.ndarray
    spare: int


@dataclass(frozen=True)
class MaskLook:
    """What a mask file holds.

    Attributes:
        size: `(height, width)`, upright.
        orientation: EXIF orientation, 1 where it is upright.
        pixels: Pixels of each value: an index, or an RGB colour as a tuple.
        regions: Regions of one value, and those of up to `SPECK` pixels, a value.
    """

    size: tuple[int, int]
    orientation: int
    pixels: dict[Value, int]
    regions: dict[Value, tuple[int, int]]

    @property
    def is_colored(self) -> bool:
        """Whether the file holds colours instead of indices."""
        return any(isinstance(value, tuple) for value in self.pixels)


@dataclass(frozen=True)
class Look:
    """What a pair holds; a sentence in place of a file that cannot be read.

    Attributes:
        split: "train", "val", "test" or "all".
        pair: The files.
        image: What the image holds, or why it cannot be read.
        mask: What the mask holds, or why it cannot be read.
    """

    split: str
    pair: Pair
    image: ImageLook | str
    mask: MaskLook | str


def inspect(
    splits: Mapping[str, Sequence[Pair]],
    on_pair: Callable[[], None] = lambda: None,
    channels: int = 3,
) -> list[Look]:
    """Look at every pair, in threads.

    Args:
        splits: The pairs of each split.
        on_pair: Called after each pair.
        channels: Of the images, as `files.read_image` takes them.
    """

    def look(task: tuple[str, Pair]) -> Look:
        split, pair = task
        image = _tried(lambda path: look_at_image(path, channels), pair.image)
        mask = _tried(look_at_mask, pair.mask)
        on_pair()
        return Look(split, pair, image, mask)

    tasks = [(split, pair) for split, pairs in splits.items() for pair in pairs]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(look, tasks))


def look_at_image(path: Path, channels: int = 3) -> ImageLook:
    """Read all of an image file, as `files.read_image` does.

    Raises:
        KsegError: It cannot be read.
    """
    small, size, orientation = files.read_upright(path, 128, channels)
    if channels == 3:
        grey = np.asarray(Image.fromarray(small).convert("L"))
    else:
        grey = small.mean(axis=2).astype(np.uint8)
    waves = dctn(resized_image(grey[..., None], (32, 32))[..., 0].astype(np.float32), norm="ortho")
    waves = waves[:8, :8].ravel()
    bits = waves > np.median(waves[1:])
    thumb = resized_image(small, (32, 32))
    spare = files.spare_bands(path) if channels in (1, 3) else 0
    return ImageLook(size, orientation, bits, int(small.max()), thumb, spare)


def look_at_mask(path: Path) -> MaskLook:
    """Read all of a mask file.

    Raises:
        KsegError: It cannot be read.
    """
    stored = files.read_stored(path)
    is_colored = stored.ndim == 3
    if is_colored:
        red, green, blue = (stored[..., channel].astype(np.int32) for channel in range(3))
        stored = red << 16 | green << 8 | blue
    found, places, counts = np.unique(stored, return_inverse=True, return_counts=True)
    indices, values = places.reshape(stored.shape), found.tolist()
    if is_colored:
        values = [(value >> 16, value >> 8 & 255, value & 255) for value in values]
    regions = {}
    if len(values) <= 64:
        for index, value in enumerate(values):
            areas = region_areas(indices == index)
            regions[value] = len(areas), int((areas <= SPECK).sum())
    pixels = dict(zip(values[:MOST_COLORS], counts.tolist(), strict=False))
    return MaskLook(*files.header_of(path), pixels, regions)


def _tried(look: Callable[[Path], Found], path: Path) -> Found | str:
    try:
        return look(path)
    except ValueError as error:
        return str(error)
