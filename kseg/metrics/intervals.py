"""How far a score could be off: the bootstrap over images."""

import numpy as np

from kseg.metrics import scores

ROUNDS = 1000


def mean_iou_interval(
    counts: np.ndarray, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the interval of the mean IoU over data sets of other images of this kind.

    Images are drawn with replacement, as many as there are, and scored as a data set; of 1000 such
    scores the middle part is returned.

    Args:
        counts: Pixels of each image, int, `(images, 3, classes)`: rightly predicted, in truth,
            predicted.
        level: The part of the scores in the interval.
        seed: Seed of the drawing.

    Returns:
        Lower and upper end, in [0, 1]; NaN without a valid pixel.

    Example:
        >>> good, poor = [[10, 10], [10, 10], [10, 10]], [[5, 5], [10, 10], [10, 10]]
        >>> kseg.metrics.mean_iou_interval(np.array([good, poor]))  # either may be drawn twice
        (0.333..., 1.0)

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552: the percentile method.
    """
    return _middle(_drawn(counts, seed), level)


def mean_iou_gain_interval(
    counts: np.ndarray, before: np.ndarray, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the interval of what one model is better than another, on the same images.

    Both are scored on the same draws of images, so that what makes images hard for both drops out:
    it is narrower than the intervals of the two scores.

    Args:
        counts: Of the model, as `mean_iou_interval` takes them.
        before: Of the other one.
        level: The part of the differences in the interval.
        seed: Seed of the drawing.

    Returns:
        Lower and upper end, in [-1, 1]; NaN without a valid pixel.

    Example:
        >>> good, poor = [[10, 10], [10, 10], [10, 10]], [[5, 5], [10, 10], [10, 10]]
        >>> kseg.metrics.mean_iou_gain_interval(np.array([good] * 2), np.array([poor] * 2))
        (0.666..., 0.666...)

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552.
    """
    return _middle(_drawn(counts, seed) - _drawn(before, seed), level)


def _drawn(counts: np.ndarray, seed: int) -> np.ndarray:
    """Return the mean IoU of each of 1000 drawn sets, float64; NaN of one without a class."""
    images = len(counts)
    if not images:
        return np.empty(0)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(images, np.full(images, 1 / images), ROUNDS)
    sums = np.tensordot(drawn, counts.astype(np.float64), axes=1)
    iou = scores.ratio(scores.iou, sums[:, 0], sums[:, 1], sums[:, 2])
    return scores.divided(np.nansum(iou, axis=1), (~np.isnan(iou)).sum(axis=1))


def _middle(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the ends of the middle part of values, NaN left out."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    lower, upper = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)
