"""Losses that are a mean over pixels: cross-entropy, focal, and of the hardest pixels alone."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops

from kseg import _checks
from kseg.losses.base import Pixels, SegmentationLoss, at_least_float32, quotient, sum_over

SMALLEST = 1e-30
"""Probabilities below it count as it; its logarithm and the slope there are finite in float32."""


def cross_entropy(
    y_true: KerasTensor,
    y_pred: KerasTensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> KerasTensor:
    """Compute -log p of each pixel's true class.

    With label smoothing s and C classes: (1 - s) * -log p_t + s/C * sum_c -log p_c.

    Args:
        y_true: Class indices, int, shape `(..., height, width)`. Where an index lies outside the
            classes the result is a finite number without meaning: give it the weight 0.
        y_pred: Probabilities in [0, 1], or logits, float, shape `(..., height, width, classes)`.
            One channel means the probability of class 1 against class 0.
        from_logits: Whether `y_pred` holds logits.
        label_smoothing: The part s of a pixel's target that all classes share, in [0, 1).

    Returns:
        Float32, shape `(..., height, width)`, at least 0.

    References:
        Good 1952, "Rational Decisions"; label smoothing by Szegedy et al. 2016,
        https://arxiv.org/abs/1512.00567, Section 7.
    """
    y_pred = at_least_float32(y_pred)
    own = _minus_log_of(y_true, y_pred, from_logits)
    if not label_smoothing:
        return own
    return (1 - label_smoothing) * own + label_smoothing * _mean_minus_log(y_pred, from_logits)


def minus_log(p: KerasTensor) -> KerasTensor:
    """Compute -log p, at most 69: a probability of 1e-20 still has a slope to learn by."""
    return -ops.log(ops.maximum(p, SMALLEST))


def minus_log_rest(p: KerasTensor) -> KerasTensor:
    """Compute -log(1 - p), at most 16: next to 1, float32 has no finer steps."""
    return -ops.log(ops.maximum(1 - p, keras.config.epsilon()))


def focal(losses: KerasTensor, gamma: float) -> KerasTensor:
    """Turn a pixel's cross-entropy -log p into (1 - p)^gamma * -log p.

    Args:
        losses: Cross-entropy, at least 0, any shape.
        gamma: At least 0; 0 leaves the cross-entropy.

    References:
        Lin et al. 2017, https://arxiv.org/abs/1708.02002, Equation 4.
    """
    missing = ops.maximum(-ops.expm1(-losses), keras.config.epsilon())
    return missing**gamma * losses


def pixel_weights(pixels: Pixels, class_weights: Sequence[float] | None) -> KerasTensor:
    """Look up the weight of each pixel's class: `(batch, height, width)`, 0 where it is void."""
    if class_weights is None:
        return pixels.valid
    table = ops.convert_to_tensor(class_weights, dtype=pixels.valid.dtype)
    return pixels.valid * ops.take(table, pixels.target)


def weighted_mean(
    losses: KerasTensor, pixels: Pixels, class_weights: Sequence[float] | None
) -> KerasTensor:
    """Return the mean of the pixels' losses, each weighted by its class's weight."""
    weights = pixel_weights(pixels, class_weights)
    everywhere = range(len(weights.shape))
    weighted = losses * weights * pixels.weights
    return quotient(sum_over(weighted, everywhere), sum_over(weights, everywhere))


@keras.saving.register_keras_serializable(package="kseg.losses")
class CrossEntropy(SegmentationLoss):
    """Cross-entropy. The loss to begin with; rare classes may need class weights or another one.

        sum_i w[t_i] * -log p_i[t_i] / sum_i w[t_i]

    over the valid pixels i, w the class weights, or 1.

    Args:
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        label_smoothing: The part of a pixel's target that all classes share, in [0, 1).
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[0, 1, 255]]])  # one image of one row; 255 is void
        >>> predicted = np.array([[[[0.5, 0.5], [0.0, 1.0], [0.9, 0.1]]]])
        >>> round(float(kseg.losses.CrossEntropy()(mask, predicted)), 3)  # (-log 0.5 - log 1) / 2
        0.347
        >>> loss = kseg.losses.CrossEntropy(class_weights=[3, 1])
        >>> round(float(loss(mask, predicted)), 3)  # (3 * -log 0.5 - log 1) / (3 + 1)
        0.52

    References:
        Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, Equation 1.
    """

    default_name = "cross_entropy"

    def __init__(
        self,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ignore_class, class_weights, from_logits, name)
        self.label_smoothing = _checks.part(label_smoothing, "label_smoothing")

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the weighted mean over the pixels."""
        losses = cross_entropy(
            pixels.target,
            pixels.predicted,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
        )
        return weighted_mean(losses, pixels, self.class_weights)


@keras.saving.register_keras_serializable(package="kseg.losses")
class Focal(SegmentationLoss):
    """Focal loss: cross-entropy in which pixels that are nearly right count less and less.

        sum_i w[t_i] (1 - p_i[t_i])^gamma * -log p_i[t_i] / sum_i w[t_i]

    For data where most pixels are easy. The class weights are the paper's alpha.

    Args:
        gamma: How fast easy pixels lose weight, at least 0; 0 is cross-entropy.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask, predicted = np.array([[[0]]]), np.array([[[[0.5, 0.5]]]])  # an image of one pixel
        >>> round(float(kseg.losses.Focal(gamma=2)(mask, predicted)), 3)  # 0.5**2 * -log 0.5
        0.173

    References:
        Lin et al. 2017, https://arxiv.org/abs/1708.02002, Equation 5.
    """

    default_name = "focal"

    def __init__(
        self,
        gamma: float = 2.0,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(ignore_class, class_weights, from_logits, name)
        self.gamma = _checks.at_least(gamma, 0, "gamma")

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the weighted mean over the pixels."""
        losses = cross_entropy(pixels.target, pixels.predicted, from_logits=self.from_logits)
        return weighted_mean(focal(losses, self.gamma), pixels, self.class_weights)


@keras.saving.register_keras_serializable(package="kseg.losses")
class TopKCrossEntropy(SegmentationLoss):
    """Cross-entropy of the hardest pixels alone (online hard example mining).

    The mean over the `fraction` of the batch's valid pixels whose weighted cross-entropy is the
    largest. For data whose easy pixels would drown the rest; wrong labels are hard pixels too.

    Args:
        fraction: The part of the valid pixels that counts, in (0, 1].
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        label_smoothing: The part of a pixel's target that all classes share, in [0, 1).
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[0, 0]]])  # one image of two pixels
        >>> predicted = np.array([[[[0.9, 0.1], [0.5, 0.5]]]])
        >>> loss = kseg.losses.TopKCrossEntropy(fraction=0.5)
        >>> round(float(loss(mask, predicted)), 3)  # -log 0.5, of the harder one alone
        0.693

    References:
        Wu, Shen and van den Hengel 2016, https://arxiv.org/abs/1605.06885, Section 3.
    """

    default_name = "top_k_cross_entropy"

    def __init__(
        self,
        fraction: float = 0.1,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ignore_class, class_weights, from_logits, name)
        self.fraction = _checks.share(fraction, "fraction")
        self.label_smoothing = _checks.part(label_smoothing, "label_smoothing")

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the mean over the hardest pixels."""
        losses = cross_entropy(
            pixels.target,
            pixels.predicted,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
        )
        weights = ops.ravel(pixel_weights(pixels, self.class_weights))
        losses = ops.ravel(losses) * weights
        is_counted = weights > 0
        count = ops.cast(ops.sum(ops.cast(is_counted, "int32")), losses.dtype)
        order = ops.argsort(ops.where(is_counted, -ops.stop_gradient(losses), 1.0))
        rank = ops.arange(ops.size(losses), dtype="int32")
        last = ops.cast(ops.ceil(self.fraction * count), "int32")
        chosen = ops.cast(rank < last, losses.dtype)
        hardest = ops.take(losses * ops.ravel(pixels.weights), order)
        return quotient(
            ops.sum(ops.where(chosen > 0, hardest, 0.0)), ops.sum(chosen * ops.take(weights, order))
        )


def _minus_log_of(y_true: KerasTensor, y_pred: KerasTensor, from_logits: bool) -> KerasTensor:
    classes = y_pred.shape[-1]
    if classes == 1:
        foreground, is_foreground = y_pred[..., 0], ops.equal(y_true, 1)
        if from_logits:
            return ops.softplus(ops.where(is_foreground, -foreground, foreground))
        return ops.where(is_foreground, minus_log(foreground), minus_log_rest(foreground))
    chosen = ops.one_hot(ops.clip(y_true, 0, classes - 1), classes, dtype=y_pred.dtype)
    own = ops.sum(chosen * y_pred, axis=-1)
    return ops.logsumexp(y_pred, axis=-1) - own if from_logits else minus_log(own)


def _mean_minus_log(y_pred: KerasTensor, from_logits: bool) -> KerasTensor:
    if from_logits:
        if y_pred.shape[-1] == 1:
            y_pred = ops.concatenate([ops.zeros_like(y_pred), y_pred], axis=-1)
        return ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred, axis=-1)
    if y_pred.shape[-1] == 1:
        return (minus_log(y_pred) + minus_log_rest(y_pred))[..., 0] / 2
    return ops.mean(minus_log(y_pred), axis=-1)
