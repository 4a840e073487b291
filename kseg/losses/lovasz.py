"""Lovász losses: the convex extension of the Jaccard loss of a class, 1 - IoU."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops

from kseg.losses.base import Pixels, probabilities, quotient, sum_over
from kseg.losses.crossentropy import minus_log, minus_log_rest
from kseg.losses.overlap import ClassLoss

BINS = 8192


def lovasz(
    errors: KerasTensor, target: KerasTensor, weights: KerasTensor, bins: int = BINS
) -> KerasTensor:
    """Compute the Lovász extension of 1 - IoU of each class.

    Sorted from the largest error e_1 down, it is the sum of e_i times what pixel i adds to 1 - IoU
    when all pixels up to i are wrong. Here errors are sorted into narrow bins, which takes one pass
    instead of a sort. Pixels in one bin count as equally wrong: the result differs from the sorted
    one by less than 1 / `bins` of the largest error, as a rule by a hundredth of that.

    Args:
        errors: At least 0, float, shape `(groups, height, width, classes)`.
        target: Class indices, int, `(groups, height, width)`.
        weights: How often each pixel counts, 0 for never, float, `(groups, height, width)`.
        bins: Number of bins.

    Returns:
        Float, `(groups, classes)`, at least 0.

    References:
        Berman, Rannen Triki and Blaschko 2018, https://arxiv.org/abs/1705.08790, Equations 8 and 9.
    """
    classes = errors.shape[-1]
    errors = ops.where(weights[..., None] > 0, errors, 0.0)
    is_class = ops.equal(target[..., None], ops.arange(classes))
    place = _places(errors, is_class, bins)
    each = ops.broadcast_to(weights[..., None], ops.shape(errors))
    groups = ops.shape(errors)[0]
    counts = ops.segment_sum(ops.ravel(each), ops.ravel(place), groups * classes * bins * 2)
    steps = ops.stop_gradient(_steps(ops.reshape(counts, (groups, classes, bins, 2))))
    step = ops.reshape(ops.take(ops.ravel(steps), ops.ravel(place)), ops.shape(errors))
    return sum_over(errors * each * step, (1, 2))


def log_odds(y_pred: KerasTensor, from_logits: bool) -> KerasTensor:
    """Return log p - log(1 - p) of each class, exact for up to two classes of logits.

    Args:
        y_pred: Probabilities or logits, float, `(..., channels)`; one channel is two classes.
        from_logits: Whether `y_pred` holds logits.
    """
    if from_logits and y_pred.shape[-1] <= 2:
        z = y_pred if y_pred.shape[-1] == 1 else y_pred[..., 1:] - y_pred[..., :1]
        return ops.concatenate([-z, z], axis=-1)
    p = ops.softmax(y_pred, axis=-1) if from_logits else y_pred
    if p.shape[-1] == 1:
        p = ops.concatenate([1 - p, p], axis=-1)
    return minus_log_rest(p) - minus_log(p)


class LovaszLoss(ClassLoss):
    """The base of both: they differ in what the error of a pixel is.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.
    """

    def __init__(
        self,
        over: str = "batch",
        classes: str | Sequence[int] = "present",
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(over, classes, ignore_class, class_weights, from_logits, name)

    def errors(self, pixels: Pixels) -> KerasTensor:
        """Return how wrong each pixel is for each class, at least 0."""
        raise NotImplementedError

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the mean over classes and images."""
        groups = 1 if self.over == "batch" else ops.shape(pixels.target)[0]
        shape = (groups, -1, ops.shape(pixels.target)[-1])
        errors = ops.reshape(self.errors(pixels), (*shape, pixels.classes))
        target, weights = (ops.reshape(x, shape) for x in (pixels.target, pixels.weights))
        losses = lovasz(errors, target, weights)
        true = ops.one_hot(target, pixels.classes, dtype=losses.dtype) * weights[..., None]
        true = sum_over(true, (1, 2))
        if self.over == "batch":
            losses, true = losses[0], true[0]
        return self.mean(losses, true, pixels)


@keras.saving.register_keras_serializable(package="kseg.losses")
class LovaszSoftmax(LovaszLoss):
    """Lovász extension of 1 - IoU for probabilities: the closest a loss comes to the mean IoU.

    The error of a pixel for a class is |t - p|. Best after some epochs of cross-entropy, or added
    to it: alone it starts slowly, and its probabilities are not calibrated.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
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
        >>> round(float(kseg.losses.LovaszSoftmax()(mask, predicted)), 3)  # 1 - IoU, 1 / 2 for both
        0.5

    References:
        Berman, Rannen Triki and Blaschko 2018, https://arxiv.org/abs/1705.08790, Equation 11.
    """

    default_name = "lovasz_softmax"

    def errors(self, pixels: Pixels) -> KerasTensor:
        """Return |t - p|."""
        p = probabilities(pixels, self.from_logits)
        return ops.abs(ops.one_hot(pixels.target, pixels.classes, dtype=p.dtype) - p)


@keras.saving.register_keras_serializable(package="kseg.losses")
class LovaszHinge(LovaszLoss):
    """Lovász extension of 1 - IoU for margins: the error of a pixel is the hinge loss of its logit.

    For one class against all others, max(0, 1 - s log(p / (1 - p))) with s = 1 where the pixel is
    of the class and -1 elsewhere. The paper's binary loss is that of the foreground alone,
    `classes=(1,)`.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask, logits = np.array([[[1, 0]]]), np.array([[[[0.5], [-3.0]]]])
        >>> loss = kseg.losses.LovaszHinge(classes=(1,), from_logits=True)
        >>> round(float(loss(mask, logits)), 3)  # the first pixel lacks 0.5 of its margin of 1
        0.5

    References:
        Berman, Rannen Triki and Blaschko 2018, https://arxiv.org/abs/1705.08790, Equation 10.
    """

    default_name = "lovasz_hinge"

    def errors(self, pixels: Pixels) -> KerasTensor:
        """Return the hinge loss of the margin."""
        margin = log_odds(pixels.predicted, self.from_logits)
        sign = 2 * ops.one_hot(pixels.target, pixels.classes, dtype=margin.dtype) - 1
        return ops.relu(1 - sign * margin)


def _places(errors: KerasTensor, is_class: KerasTensor, bins: int) -> KerasTensor:
    """Give each pixel its place in a table of `(groups, classes, bins, 2)`, largest errors first.

    The last axis tells pixels of the class, 1, from others, 0.
    """
    classes = errors.shape[-1]
    largest = ops.max(errors, axis=(1, 2), keepdims=True)
    place = ops.cast(quotient(errors, largest) * bins, "int32")
    place = bins - 1 - ops.minimum(place, bins - 1)
    group = ops.arange(ops.shape(errors)[0], dtype="int32")[:, None, None, None]
    place = (group * classes + ops.arange(classes, dtype="int32")) * bins + place
    return ops.stop_gradient(place * 2 + ops.cast(is_class, "int32"))


def _steps(counts: KerasTensor) -> KerasTensor:
    """Return how much 1 - IoU grows by each pixel of a bin, `(groups, classes, bins, 2)`.

    Pixels of one bin are equally wrong, so each takes the mean of its growth before and after
    those of the other kind.
    """
    after = ops.cumsum(counts, axis=2)
    before = after - counts
    positives = after[:, :, -1:, 1]
    union_before, union_after = (positives + x[..., 0] for x in (before, after))
    missed = (1 / ops.where(union > 0, union, 1.0) for union in (union_before, union_after))
    # An alarm among n others takes the union from u to u + n, and keeps what was found.
    found = positives - (before[..., 1] + after[..., 1]) / 2
    alarm = quotient(found, union_before * union_after)
    # The first alarm for a class that is nowhere takes 1 - IoU from 0 to 1.
    alarm = ops.where(union_before > 0, alarm, quotient(ops.ones_like(alarm), union_after))
    return ops.stack([alarm, sum(missed) / 2], axis=-1)
