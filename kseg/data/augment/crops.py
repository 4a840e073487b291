"""Crops at random, also of a scaled image, and such that look for rare classes.

Each is a pure function of its arguments: the same state of the generator gives the same result.
"""

from collections.abc import Sequence

import numpy as np

from kseg.data.augment.mixing import draw_class

GREY = 127
"""What an image is padded with."""


def crop_with(
    image: np.ndarray,
    mask: np.ndarray,
    size: tuple[int, int],
    weights: Sequence[float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Crop a window that holds a pixel of a class drawn by `weights`, or any window.

    Args:
        image: Uint8, `(height, width, channels)`, at least of `size`.
        mask: Class indices, `(height, width)`.
        size: `(height, width)` of the window.
        weights: A number of at least 0 per class; none for any window.
        rng: Source of chance.

    Returns:
        The window of image and mask; any window where the mask holds no class of a weight.
    """
    firsts = [(0, whole - side) for side, whole in zip(size, mask.shape, strict=True)]
    chosen = draw_class(mask, weights, rng) if len(weights) else None
    if chosen is not None:
        places = np.flatnonzero(mask.ravel() == chosen)
        point = np.unravel_index(places[rng.integers(len(places))], mask.shape)
        firsts = [
            (max(0, at - side + 1), min(at, last))
            for at, side, (_, last) in zip(point, size, firsts, strict=True)
        ]
    window = []
    for (first, last), side in zip(firsts, size, strict=True):
        start = rng.integers(first, last + 1)
        window.append(slice(start, start + side))
    return image[tuple(window)], mask[tuple(window)]


def scaled_crop(
    image: np.ndarray,
    mask: np.ndarray,
    size: tuple[int, int],
    scale: tuple[float, float],
    ignore: int,
    weights: Sequence[float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Scale by a random factor and crop, as `crop_with` does; only what is shown is scaled.

    Args:
        image: Uint8, `(height, width, channels)`.
        mask: Class indices, uint8, `(height, width)`.
        size: `(height, width)` of the result; what is smaller once scaled is padded all around.
        scale: The range of the factor.
        ignore: Index that the mask is padded with.
        weights: A number of at least 0 per class; none for any window.
        rng: Source of chance.

    Returns:
        New image and mask of `size`: the image interpolated bilinearly, the mask by the nearest.
    """
    import cv2

    factor = rng.uniform(*scale)
    shown, scaled = [], []
    for want, whole in zip(size, mask.shape, strict=True):
        shown.append(min(whole, max(1, round(want / factor))))
        scaled.append(want if shown[-1] < whole else min(want, max(1, round(whole * factor))))
    image, mask = crop_with(image, mask, tuple(shown), weights, rng)
    image = cv2.resize(image, scaled[::-1], interpolation=cv2.INTER_LINEAR)
    mask = cv2.resize(mask, scaled[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    image = image.reshape(*mask.shape, -1)  # OpenCV drops an axis of one channel
    if tuple(scaled) == tuple(size):
        return image, mask
    return _centred(image, size, GREY), _centred(mask, size, ignore)


def _centred(pixels: np.ndarray, size: tuple[int, int], value: int) -> np.ndarray:
    """Pad to `(height, width)` all around; where the margins are odd, more below and right."""
    whole = np.full((*size, *pixels.shape[2:]), value, pixels.dtype)
    places = ((want - have) // 2 for want, have in zip(size, pixels.shape, strict=False))
    inside = tuple(slice(at, at + have) for at, have in zip(places, pixels.shape, strict=False))
    whole[inside] = pixels
    return whole
