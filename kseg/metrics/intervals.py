"""How far a score could be off: the bootstrap over images, or over groups of them."""

import numpy as np

from kseg.metrics import scores

ROUNDS = 1000


def mean_iou_interval(
    counts: np.ndarray, level: float = 0.95, seed: int = 0, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the interval of the mean IoU over data sets of other images of this kind.

    Groups of images are drawn with replacement, as many as there are, and scored as a data set; of
    1000 such scores the middle part is returned. Images that belong together, such as the frames of
    a video, are one group: drawn by themselves they would seem to say more than they do.

    Args:
        counts: Pixels of each image, int, `(images, 3, classes)`: rightly predicted, in truth,
            predicted.
        level: The part of the scores in the interval.
        seed: Seed of the drawing.
        groups: The group of each image, int from 0 on, `(images,)`, such as `groups_of(names)`; by
            default each image is one.

    Returns:
        Lower and upper end, in [0, 1]; NaN without a valid pixel.

    Example:
        >>> good, poor = [[10, 10], [10, 10], [10, 10]], [[5, 5], [10, 10], [10, 10]]
        >>> kseg.metrics.mean_iou_interval(np.array([good, poor]))  # either may be drawn twice
        (0.333..., 1.0)

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552: the percentile method.
    """
    return _middle(_means(_drawn(counts, seed, groups)), level)


def iou_intervals(
    counts: np.ndarray, level: float = 0.95, seed: int = 0, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return the interval of the IoU of each class, from the same draws.

    Args:
        counts: As `mean_iou_interval` takes them.
        level: The part of the scores in the intervals.
        seed: Seed of the drawing.
        groups: The group of each image.

    Returns:
        Float64, `(classes, 2)`; NaN for a class that is absent.

    Example:
        >>> good, poor = [[10, 0], [10, 10], [10, 0]], [[5, 0], [10, 10], [10, 0]]
        >>> kseg.metrics.iou_intervals(np.array([good, poor])).round(2)
        array([[0.33, 1.  ],
               [0.  , 0.  ]])
    """
    return _middles(_drawn(counts, seed, groups), level)


def mean_iou_gain_interval(
    counts: np.ndarray,
    before: np.ndarray,
    level: float = 0.95,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the interval of what one model is better than another, on the same images.

    Both are scored on the same draws of images, so that what makes images hard for both drops out:
    it is narrower than the intervals of the two scores.

    Args:
        counts: Of the model, as `mean_iou_interval` takes them.
        before: Of the other one.
        level: The part of the differences in the interval.
        seed: Seed of the drawing.
        groups: The group of each image.

    Returns:
        Lower and upper end, in [-1, 1]; NaN without a valid pixel.

    Example:
        >>> good, poor = [[10, 10], [10, 10], [10, 10]], [[5, 5], [10, 10], [10, 10]]
        >>> kseg.metrics.mean_iou_gain_interval(np.array([good] * 2), np.array([poor] * 2))
        (0.666..., 0.666...)

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552.
    """
    both = [_means(_drawn(one, seed, groups)) for one in (counts, before)]
    return _middle(both[0] - both[1], level)


def iou_gain_intervals(
    counts: np.ndarray,
    before: np.ndarray,
    level: float = 0.95,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return the interval of what one model is better than another, for each class.

    Args:
        counts: Of the model, as `mean_iou_interval` takes them.
        before: Of the other one.
        level: The part of the differences in the intervals.
        seed: Seed of the drawing.
        groups: The group of each image.

    Returns:
        Float64, `(classes, 2)`, in [-1, 1]; NaN for a class that is absent.

    Example:
        >>> good, poor = [[10, 10], [10, 10], [10, 10]], [[5, 10], [10, 10], [10, 10]]
        >>> found = kseg.metrics.iou_gain_intervals(np.array([good] * 2), np.array([poor] * 2))
        >>> found.round(2)
        array([[0.67, 0.67],
               [0.  , 0.  ]])
    """
    return _middles(_drawn(counts, seed, groups) - _drawn(before, seed, groups), level)


def _drawn(counts: np.ndarray, seed: int, groups: np.ndarray | None) -> np.ndarray:
    """Return the IoU of each class in each of 1000 drawn sets, float64, `(1000, classes)`."""
    sums = counts.astype(np.float64)
    if groups is not None and len(counts):
        sums = np.zeros((int(groups.max()) + 1, *counts.shape[1:]))
        np.add.at(sums, groups, counts)
    many = len(sums)
    if not many:
        return np.empty((0, counts.shape[2]))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(many, np.full(many, 1 / many), ROUNDS)
    sums = np.tensordot(drawn, sums, axes=1)
    return scores.ratio(scores.iou, sums[:, 0], sums[:, 1], sums[:, 2])


def _means(iou: np.ndarray) -> np.ndarray:
    """Return the mean over the classes that a set has; NaN of one without any."""
    return scores.divided(np.nansum(iou, axis=1), (~np.isnan(iou)).sum(axis=1))


def _middle(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the ends of the middle part of values, NaN left out."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    lower, upper = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def _middles(values: np.ndarray, level: float) -> np.ndarray:
    return np.array([_middle(of_class, level) for of_class in values.T]).reshape(-1, 2)
