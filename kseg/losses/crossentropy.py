"""Cross-entropy over integer masks."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops

from kseg import _checks


def cross_entropy(
    y_true: KerasTensor, y_pred: KerasTensor, *, from_logits: bool = False
) -> KerasTensor:
    """Compute -log p of each pixel's true class.

    Args:
        y_true: Class indices, int, shape `(..., height, width)`. Where an index lies outside the
            classes the result is a finite number without meaning: give it the weight 0.
        y_pred: Probabilities in [0, 1], or logits, float, shape `(..., height, width, classes)`.
            One channel means the probability of class 1 against class 0.
        from_logits: Whether `y_pred` holds logits.

    Returns:
        Float32, shape `(..., height, width)`, at least 0.

    References:
        Good 1952, "Rational Decisions"; the usual loss of a softmax or sigmoid output.
    """
    y_pred = ops.cast(y_pred, "float32")
    if y_pred.shape[-1] == 1:
        foreground, is_foreground = y_pred[..., 0], ops.equal(y_true, 1)
        if from_logits:
            return ops.softplus(ops.where(is_foreground, -foreground, foreground))
        return _minus_log(ops.where(is_foreground, foreground, 1 - foreground))
    classes = y_pred.shape[-1]
    chosen = ops.one_hot(ops.clip(y_true, 0, classes - 1), classes, dtype="float32")
    if from_logits:
        return ops.logsumexp(y_pred, axis=-1) - ops.sum(chosen * y_pred, axis=-1)
    return _minus_log(ops.sum(chosen * y_pred, axis=-1))


def pixel_weights(
    y_true: KerasTensor, class_weights: Sequence[float], ignore_class: int | None
) -> KerasTensor:
    """Look up each pixel's weight: that of its class, 0 where it is void.

    Args:
        y_true: Class indices, int, shape `(..., height, width)`.
        class_weights: One weight a class, at least 0.
        ignore_class: The index of void pixels; `None` for none.

    Returns:
        Float32, shape `(..., height, width)`.
    """
    is_class = ops.logical_and(y_true >= 0, y_true < len(class_weights))
    if ignore_class is not None:
        is_class = ops.logical_and(is_class, y_true != ignore_class)
    table = ops.convert_to_tensor(class_weights, dtype="float32")
    return ops.where(is_class, ops.take(table, ops.where(is_class, y_true, 0)), 0.0)


@keras.saving.register_keras_serializable(package="kseg")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy of an integer mask, void pixels left out.

    The mean over the valid pixels, each weighted by its class's weight:

        sum_i w[t_i] * -log p_i[t_i] / sum_i w[t_i]

    A batch without a valid pixel gives 0 and a zero gradient. Void pixels change neither the value
    nor the gradient.

    Args:
        ignore_class: The index of void pixels in the mask; `None` for none.
        class_weights: One weight a class, at least 0, background and foreground where the model
            has a single sigmoid output; `None` weights all alike.
        from_logits: Whether the model gives logits (`activation=None`) instead of probabilities.
        name: Name of the loss.

    Raises:
        ValueError: A class weight is negative, or all are zero.

    Example:
        >>> model.compile("adam", CrossEntropy(class_weights=[0.5, 2.0, 2.0]))
        >>> model.fit(images, masks)  # (n, H, W, 3) and (n, H, W)

    References:
        Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, Equation 1.
    """

    def __init__(
        self,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str = "cross_entropy",
    ) -> None:
        super().__init__(name=name)
        self.ignore_class = ignore_class
        self.class_weights = _checks.class_weights(class_weights)
        self.from_logits = from_logits

    def __call__(
        self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> KerasTensor:
        """Return the loss; `sample_weight` is one number an image, `(batch,)`, or one a pixel."""
        if sample_weight is not None and len(sample_weight.shape) == 1:
            sample_weight = ops.reshape(sample_weight, (-1, 1, 1))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return each pixel's part, such that the mean over all pixels is the loss."""
        y_true = _as_indices(y_true, y_pred)
        weights = self.class_weights or (1.0,) * max(2, y_pred.shape[-1])
        _checks.same_length(weights, range(max(2, y_pred.shape[-1])), "class_weights", "classes")
        weights = pixel_weights(y_true, weights, self.ignore_class)
        losses = cross_entropy(y_true, y_pred, from_logits=self.from_logits)
        total = ops.sum(weights)
        share = ops.cast(ops.size(weights), "float32") / ops.where(total > 0, total, 1.0)
        return ops.where(weights > 0, losses, 0.0) * weights * share

    def get_config(self) -> dict:
        """Return the arguments."""
        return {
            "ignore_class": self.ignore_class,
            "class_weights": self.class_weights,
            "from_logits": self.from_logits,
            "name": self.name,
        }


def _as_indices(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        raise ValueError(
            "The target of every kseg model is the integer mask: shape (batch, height, width) "
            f"beside predictions (batch, height, width, classes). Received masks {y_true.shape} "
            f"and predictions {y_pred.shape}. A one-hot mask becomes one by argmax(axis=-1)."
        )
    return ops.cast(y_true, "int32")


def _minus_log(probability: KerasTensor) -> KerasTensor:
    return -ops.log(ops.maximum(probability, keras.config.epsilon()))
