"""Counts over a data set, and the class weights that follow from them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from kseg import _checks
from kseg.data.samples import Samples
from kseg.errors import KsegError
from kseg.labels import Labels


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
        KsegError: A sample cannot be read, or its mask is wrong; or there is none.
    """

    def look(index: int) -> tuple[tuple[int, int], np.ndarray]:
        sample = samples[index]
        on_sample()
        return sample.mask.shape, class_pixels(sample.mask, len(samples.labels))

    sizes, pixels = zip(*in_threads(look, samples), strict=True)
    return Survey(np.array(sizes), np.array(pixels))


@dataclass(frozen=True)
class Statistics:
    """What a data set holds.

    Attributes:
        sizes: `(height, width)` of each image, int64, shape `(samples, 2)`.
        pixels: Pixels of each class in each mask, int64, shape `(samples, classes)`.
        void: Void pixels of each mask, int64, shape `(samples,)`.
        areas: Pixels of each region of each class: an int64 array per class. A region is what
            hangs together, by an edge or a corner.
        mean: Mean of each channel over all pixels, float64, shape `(channels,)`, in 0..255.
        std: Standard deviation of each channel over all pixels, likewise.
    """

    sizes: np.ndarray
    pixels: np.ndarray
    void: np.ndarray
    areas: tuple[np.ndarray, ...]
    mean: np.ndarray
    std: np.ndarray

    @property
    def total(self) -> int:
        """Number of pixels, void included."""
        return int(self.pixels.sum() + self.void.sum())

    @property
    def size_range(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(height, width)` of the smallest image, the median of each side, and of the largest."""
        order = np.argsort(self.sizes.prod(axis=1), kind="stable")
        return self.sizes[order[0]], np.median(self.sizes, axis=0), self.sizes[order[-1]]

    def to_dict(self, labels: Labels) -> dict:
        """Return everything as JSON can hold it, classes by their names."""
        weights = {kind: class_weights(kind, self.pixels) for kind in WEIGHTINGS}
        smallest, median, largest = (size.tolist() for size in self.size_range)
        return {
            "images": len(self.sizes),
            "sizes": {"smallest": smallest, "median": median, "largest": largest},
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "void": int(self.void.sum()),
            "classes": {
                name: {
                    "pixels": int(self.pixels[:, index].sum()),
                    "part": float(self.pixels[:, index].sum() / self.total),
                    "images": int((self.pixels[:, index] > 0).sum()),
                    "regions": len(self.areas[index]),
                    "median_region": float(np.median([*self.areas[index]] or [0])),
                    "weights": {kind: values[index] for kind, values in weights.items()},
                }
                for index, name in enumerate(labels.names)
            },
        }


def describe(samples: Samples, on_sample: Callable[[], None] = lambda: None) -> Statistics:
    """Read every sample once, in threads, and count what it holds.

    Args:
        samples: A data set.
        on_sample: Called after each sample.

    Raises:
        KsegError: A sample cannot be read, or its mask is wrong; or there is none.
    """
    classes = len(samples.labels)

    def look(index: int) -> tuple:
        sample = samples[index]
        channels = sample.image.reshape(-1, sample.image.shape[-1]).T
        levels = np.stack([np.bincount(channel, minlength=256) for channel in channels])
        pixels = class_pixels(sample.mask, classes)
        areas = [region_areas(sample.mask == index) for index in range(classes)]
        on_sample()
        return sample.mask.shape, pixels, sample.mask.size - pixels.sum(), areas, levels

    sizes, pixels, void, areas, levels = zip(*in_threads(look, samples), strict=True)
    levels, values = sum(levels), np.arange(256)
    mean = levels @ values / levels.sum(axis=1)
    variance = levels @ values**2 / levels.sum(axis=1) - mean**2
    return Statistics(
        np.array(sizes),
        np.array(pixels),
        np.array(void),
        tuple(np.concatenate(of_class) for of_class in zip(*areas, strict=True)),
        mean,
        np.sqrt(variance),
    )


def region_areas(is_class: np.ndarray) -> np.ndarray:
    """Count the pixels of each region of a class, int64; shape `(regions,)`."""
    if not is_class.any():
        return np.zeros(0, np.int64)
    regions, _ = ndimage.label(is_class, np.ones((3, 3)))
    return np.bincount(regions.ravel())[1:]


def in_threads(look: Callable[[int], Any], samples: Samples) -> list:
    """Look at every sample, in threads; what is raised ends the look at once.

    Raises:
        KsegError: There is no sample.
    """
    if not len(samples):
        raise KsegError("The data set holds no sample.")
    with ThreadPoolExecutor() as pool:
        return list(pool.map(look, range(len(samples))))


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


def inverse_frequency(pixels: np.ndarray) -> np.ndarray:
    """Class weights N / (C n_c): inverse to the pixels n_c of a class, 1 where all C have alike.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.

    Returns:
        Float64, shape `(classes,)`; 0 for a class that never occurs.
    """
    totals = pixels.sum(axis=0).astype(float)
    occurs = totals > 0
    alike = totals.sum() / max(occurs.sum(), 1)
    return np.divide(alike, totals, where=occurs, out=np.zeros_like(totals))


def effective_number(pixels: np.ndarray, beta: float | None = None) -> np.ndarray:
    """Class weights by the effective number of pixels: (1 - beta) / (1 - beta^n_c), of mean 1.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.
        beta: In [0, 1): 0 weights all classes alike, near 1 it is the inverse frequency. By default
            1 - 1 / N, N the number of all pixels.

    Returns:
        Float64, shape `(classes,)`; 0 for a class that never occurs.

    References:
        Cui et al. 2019, https://arxiv.org/abs/1901.05555, Equation 2 and Section 4.
    """
    totals = pixels.sum(axis=0).astype(float)
    occurs = totals > 0
    if not occurs.any():
        return totals
    beta = 1 - 1 / totals.sum() if beta is None else _checks.part(beta, "beta")
    number = -np.expm1(totals * np.log(beta)) if beta else np.ones_like(totals)
    weights = np.divide(1, number, where=occurs, out=np.zeros_like(totals))
    return weights / weights[occurs].mean()


WEIGHTINGS = {
    "median": median_frequency,
    "enet": enet,
    "inverse": inverse_frequency,
    "effective": effective_number,
}


def class_weights(kind: str, pixels: np.ndarray) -> tuple[float, ...]:
    """Compute the class weights of a named kind: a key of `WEIGHTINGS`.

    Raises:
        KsegError: The kind is unknown.
    """
    _checks.one_of(kind, WEIGHTINGS, "class weighting")
    return tuple(WEIGHTINGS[kind](pixels).tolist())
