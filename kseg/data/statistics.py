"""Counts over a data set, and the class weights that follow from them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kseg import _checks
from kseg.data.samples import Samples


@dataclass(frozen=True)
class Survey:
    """What one look at every sample tells.

    Attributes:
        sizes: `(height, width)` of each image, int64, shape `(samples, 2)`.
        pixels: Pixels of each class in each mask, int64, shape `(samples, classes)`.
    """

    sizes: np.ndarray
    pixels: np.ndarray


def survey(samples: Samples, on_sample: Callable[[], None] = lambda: None) -> Survey:
    """Read every sample once, in threads: a broken one is found before any training.

    Args:
        samples: A data set.
        on_sample: Called after each sample.

    Raises:
        ValueError: A sample cannot be read, or its mask is wrong; or there is none.
    """
    if not len(samples):
        raise ValueError("The data set holds no sample.")

    def look(index: int) -> tuple[tuple[int, int], np.ndarray]:
        sample = samples[index]
        on_sample()
        return sample.mask.shape, class_pixels(sample.mask, len(samples.labels))

    with ThreadPoolExecutor() as pool:
        try:
            sizes, pixels = zip(*pool.map(look, range(len(samples))), strict=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Survey(np.array(sizes), np.array(pixels))


def class_pixels(mask: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the pixels of each class in a mask, int64, shape `(num_classes,)`; void is left out."""
    return np.bincount(mask.ravel(), minlength=256)[:num_classes]


def median_frequency(pixels: np.ndarray) -> np.ndarray:
    """Class weights by median frequency balancing: median(f) / f_c.

    The frequency f_c of a class is its share of the pixels of those images in which it occurs.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.

    Returns:
        Float64, shape `(classes,)`; 0 for a class that never occurs.

    References:
        Eigen and Fergus 2015, https://arxiv.org/abs/1411.4734, Section 6.3.2.
    """
    totals = pixels.sum(axis=0).astype(float)
    around = np.where(pixels > 0, pixels.sum(axis=1, keepdims=True), 0).sum(axis=0)
    occurs = totals > 0
    frequency = np.divide(totals, around, where=occurs, out=np.zeros_like(totals))
    median = np.median(frequency[occurs]) if occurs.any() else 0.0
    return np.divide(median, frequency, where=occurs, out=np.zeros_like(totals))


def enet(pixels: np.ndarray, c: float = 1.02) -> np.ndarray:
    """Class weights that stay within [1.4, 50]: 1 / ln(c + p_c), p_c the class's share of pixels.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.
        c: Bounds the weights: the largest is 1 / ln(c).

    Returns:
        Float64, shape `(classes,)`.

    References:
        Paszke et al. 2016, ENet, https://arxiv.org/abs/1606.02147, Section 5.2.
    """
    totals = pixels.sum(axis=0).astype(float)
    return 1 / np.log(c + totals / max(totals.sum(), 1))


WEIGHTINGS = {"median": median_frequency, "enet": enet}


def class_weights(kind: str, pixels: np.ndarray) -> tuple[float, ...]:
    """Compute the class weights of a named kind: a key of `WEIGHTINGS`.

    Raises:
        ValueError: The kind is unknown.
    """
    _checks.one_of(kind, WEIGHTINGS, "class weighting")
    return tuple(WEIGHTINGS[kind](pixels).tolist())
