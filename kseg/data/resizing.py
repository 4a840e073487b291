"""The size at which a network is shown an image, and images made that size."""

import numpy as np
from PIL import Image

from kseg.data.augment.settings import Resize
from kseg.data.samples import Sample, Samples
from kseg.labels import Labels


def shown_size(
    size: tuple[int, int], max_side: int | None, resize: Resize = "aspect"
) -> tuple[int, int]:
    """Return the size at which a network is shown an image.

    Args:
        size: `(height, width)` of the image.
        max_side: What bounds it; `None` for no bound, whatever `resize` says.
        resize: "aspect" makes an image smaller whose longer side exceeds `max_side`; "squash" makes
            both sides of any image `max_side`; "none" leaves each as it is.

    Example:
        >>> from kseg.data.resizing import shown_size
        >>> [shown_size((300, 600), 200, how) for how in ("aspect", "squash", "none")]
        [(100, 200), (200, 200), (300, 600)]
    """
    if max_side is None or resize == "none":
        return size
    if resize == "squash":
        return max_side, max_side
    scale = min(1.0, max_side / max(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def resized_image(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image: made smaller, each pixel is the mean of those that it stands for.

    Channel by channel, whatever their number: Pillow would take the last of two or four for alpha,
    and weigh the others by it.

    Args:
        pixels: Uint8, or float in 0..255, `(height, width, channels)`.
        size: `(height, width)` of the result, which is uint8; interpolated where it is larger.
    """
    if pixels.shape[:2] == size:
        return pixels
    if pixels.dtype != np.uint8:
        pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    is_larger = size[0] > pixels.shape[0] or size[1] > pixels.shape[1]
    how = Image.Resampling.BILINEAR if is_larger else Image.Resampling.BOX
    channels = (Image.fromarray(channel.copy()) for channel in np.moveaxis(pixels, -1, 0))
    return np.stack([np.asarray(one.resize(size[::-1], how)) for one in channels], axis=-1)


class Squashed:
    """Samples made square, whatever their shape; masks by their nearest pixels.

    Args:
        samples: A data set.
        side: Height and width of each sample.

    Example:
        >>> from kseg.data.resizing import Squashed
        >>> Squashed(kseg.data.ShapesSamples("val", size=(32, 48)), 24)[0].image.shape
        (24, 24, 3)
    """

    def __init__(self, samples: Samples, side: int) -> None:
        self.labels: Labels = samples.labels
        self._samples = samples
        self._side = side

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample."""
        sample, size = self._samples[index], (self._side, self._side)
        mask = Image.fromarray(sample.mask).resize(size, Image.Resampling.NEAREST)
        return Sample(sample.name, resized_image(sample.image, size), np.asarray(mask))
