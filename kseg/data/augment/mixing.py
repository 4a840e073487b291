"""Two samples made one: functions of arrays and a generator.

Each is a pure function of its arguments: the same state of the generator gives the same result.
"""

from collections.abc import Callable, Sequence

import numpy as np

Mix = Callable[
    [np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.random.Generator],
    tuple[np.ndarray, np.ndarray],
]


def cutmix(
    image: np.ndarray,
    mask: np.ndarray,
    other_image: np.ndarray,
    other_mask: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Replace a rectangle of a sample by the same place of another.

    The rectangle's part of the area is uniform in [0, 1], its proportions are those of the image.

    Args:
        image: Uint8, `(height, width, channels)`.
        mask: Class indices, `(height, width)`.
        other_image: Another image of the same size.
        other_mask: Its mask.
        rng: Source of chance.

    Returns:
        New image and mask.

    References:
        Yun et al. 2019, https://arxiv.org/abs/1905.04899, Section 3.1; for masks French et al.
        2020, https://arxiv.org/abs/1906.01916.
    """
    height, width = mask.shape
    side = np.sqrt(rng.uniform())
    tall, wide = round(height * side), round(width * side)
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    inside = np.zeros(mask.shape, bool)
    inside[top : top + tall, left : left + wide] = True
    return _pasted(image, mask, other_image, other_mask, inside)


def copy_paste(weights: Sequence[float]) -> Mix:
    """Return a function that pastes all pixels of one class of another sample.

    The class is drawn from those that the other sample holds, by `weights`: with the inverse
    frequency a rare class is pasted more often than it occurs.

    Args:
        weights: A number of at least 0 per class.

    References:
        Ghiasi et al. 2021, https://arxiv.org/abs/2012.07177, for instances; here of whole classes.
    """

    def mix(
        image: np.ndarray,
        mask: np.ndarray,
        other_image: np.ndarray,
        other_mask: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        chosen = draw_class(other_mask, weights, rng)
        if chosen is None:
            return image, mask
        return _pasted(image, mask, other_image, other_mask, other_mask == chosen)

    return mix


def draw_class(mask: np.ndarray, weights: Sequence[float], rng: np.random.Generator) -> int | None:
    """Draw one of the classes that a mask holds, by weights; `None` where it holds none of them."""
    present = np.bincount(mask.ravel(), minlength=256)[: len(weights)] > 0
    chances = np.where(present, weights, 0.0)
    if not chances.sum():
        return None
    return int(rng.choice(len(chances), p=chances / chances.sum()))


def _pasted(
    image: np.ndarray,
    mask: np.ndarray,
    other_image: np.ndarray,
    other_mask: np.ndarray,
    inside: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    return np.where(inside[..., None], other_image, image), np.where(inside, other_mask, mask)
