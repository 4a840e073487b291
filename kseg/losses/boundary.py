"""Boundary loss: wrong pixels cost their distance from the true boundary."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops

from kseg import _checks
from kseg.losses.base import Pixels, probabilities, sum_over
from kseg.losses.overlap import ClassLoss


def distance_to(is_there: KerasTensor, reach: int, axes: Sequence[int] = (1, 2)) -> KerasTensor:
    """Compute each pixel's Euclidean distance to the nearest pixel of a set, up to `reach`.

    Args:
        is_there: Booleans, `(batch, height, width, ...)`.
        reach: The largest distance, in pixels; what is farther has this distance.
        axes: The axes of space.

    Returns:
        Float32 of the same shape: 0 in the set, at most `reach`.

    References:
        Felzenszwalb and Huttenlocher 2012, https://doi.org/10.4086/toc.2012.v008a019: the squared
        distance is a minimum along columns of one along rows.
    """
    cost = ops.where(is_there, 0.0, float(reach * reach))
    for axis in axes:
        nearest = cost
        for step in range(1, reach):
            for shifted in _shifted(cost, step, axis, float(reach * reach)):
                nearest = ops.minimum(nearest, shifted + float(step * step))
        cost = nearest
    return ops.sqrt(cost)


@keras.saving.register_keras_serializable(package="kseg.losses")
class Boundary(ClassLoss):
    """Boundary loss: the probability that is on the wrong side of a class's boundary, by distance.

    Per class: the mean over the pixels q of d(q) |p(q) - t(q)| / reach, where d is the distance to
    the nearest pixel of the other side. It is the paper's integral of a signed distance times p,
    with the constant that the paper leaves out, so that a perfect prediction gives 0; with
    distances up to `reach` pixels, as a part of it. An image counts for a class if it holds some of
    it. Add it to a region loss, `Dice() + 0.5 * Boundary()`: alone it takes nothing for an answer
    where a class is small.

    Args:
        reach: The largest distance in pixels. The time it takes grows with it.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> loss = kseg.losses.Boundary(reach=10)
        >>> round(float(loss(mask, predicted)), 3)  # one of 3 pixels is wrong, by 1 of 10 pixels
        0.033

    References:
        Kervadec et al. 2019, https://arxiv.org/abs/1812.07032, Equations 3 to 5.
    """

    default_name = "boundary"

    def __init__(
        self,
        reach: int = 10,
        classes: str | Sequence[int] = "present",
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__("image", classes, ignore_class, class_weights, from_logits, name)
        self.reach = _checks.positive_int(reach, "reach")

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the mean over pixels, classes and images."""
        p = probabilities(pixels, self.from_logits)
        t = ops.one_hot(pixels.target, pixels.classes, dtype=p.dtype)
        is_valid = pixels.valid[..., None] > 0
        is_class = ops.logical_and(t > 0, is_valid)
        is_other = ops.logical_and(t == 0, is_valid)
        spatial = tuple(range(1, len(p.shape) - 1))
        distance = ops.where(
            is_class,
            distance_to(is_other, self.reach, spatial),
            distance_to(is_class, self.reach, spatial),
        )
        distance = ops.stop_gradient(ops.cast(distance, p.dtype)) / self.reach
        weights = pixels.valid[..., None]
        wrong = sum_over(distance * ops.abs(p - t) * weights, spatial)
        count = ops.maximum(sum_over(weights, spatial), 1.0)
        true = sum_over(t * weights, spatial)
        return self.mean(wrong / count, true, pixels)


def _shifted(
    cost: KerasTensor, step: int, axis: int, beyond: float
) -> tuple[KerasTensor, KerasTensor]:
    """Shift along an axis by a step either way; `beyond` comes in from outside."""
    margins = [[0, 0] for _ in cost.shape]
    margins[axis] = [step, step]
    padded = ops.pad(cost, margins, constant_values=beyond)
    size = ops.shape(cost)[axis]
    before, after = ([slice(None)] * len(cost.shape) for _ in range(2))
    before[axis], after[axis] = slice(0, size), slice(2 * step, 2 * step + size)
    return padded[tuple(before)], padded[tuple(after)]
