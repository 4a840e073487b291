"""What all losses share: the integer mask, void, weights, one channel or many, and sums of losses.

CrossEntropy() + 0.5 * Dice()        # is a loss
"""

import inspect
from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import KerasTensor, ops

from kseg import _checks
from kseg.errors import KsegError


class Pixels(NamedTuple):
    """A batch as losses take it; nothing in it depends on what lies under void pixels.

    Attributes:
        target: Class indices, int32, `(batch, height, width)`; 0 where a pixel is void.
        predicted: What the model gave, float, `(batch, height, width, channels)`; 0 where void.
        valid: 1 where a pixel is not void, else 0, float, `(batch, height, width)`.
        weights: Sample weights, 0 where void, float, `(batch, height, width)`.
    """

    target: KerasTensor
    predicted: KerasTensor
    valid: KerasTensor
    weights: KerasTensor

    @property
    def classes(self) -> int:
        """Number of classes; a single output is two, background and foreground."""
        return max(2, self.predicted.shape[-1])


class Summand(keras.losses.Loss):
    """Losses can be added to each other and multiplied by numbers of at least 0."""

    def __add__(self, other: "Summand") -> "CompoundLoss":
        """Return the sum with another loss."""
        if not isinstance(other, Summand):
            return NotImplemented
        first, second = _summed(self), _summed(other)
        return CompoundLoss(first.losses + second.losses, first.weights + second.weights)

    def __mul__(self, factor: float) -> "CompoundLoss":
        """Return the loss times a number."""
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            return NotImplemented
        one = _summed(self)
        return CompoundLoss(one.losses, [weight * factor for weight in one.weights])

    __rmul__ = __mul__

    def __radd__(self, other: int) -> "Summand":
        """Let `sum` add losses up."""
        return self if other == 0 else NotImplemented


class SegmentationLoss(Summand):
    """A loss of integer masks that leaves void pixels out; the base of all others.

    Whatever the image or the prediction holds under void pixels changes neither the value nor the
    gradient, and a batch of void alone gives 0. Sums are float32, or float64 for predictions in
    float64. A single sigmoid output counts as two classes, background and foreground, and gives
    what the two probabilities `1 - p` and `p` would give.

    Args:
        ignore_class: The index of void pixels in the mask, outside the classes; `None` for none.
            An index that is no class is void too.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits (`activation=None`) instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: A class weight is negative, or all are zero; at the first call: the number of
            weights is not that of the classes, `ignore_class` is one of them, or the mask has not
            the shape of an integer mask.
    """

    default_name = "loss"

    def __init__(
        self,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or self.default_name)
        self.ignore_class = _checks.index_or_none(ignore_class, "ignore_class")
        self.class_weights = _checks.class_weights(class_weights)
        self.from_logits = from_logits

    def __call__(
        self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> KerasTensor:
        """Return the loss of a batch, a scalar.

        Args:
            y_true: Masks, class indices, `(batch, height, width)` or with a last axis of 1.
            y_pred: Probabilities or logits, `(batch, height, width, classes)`; one channel for a
                single foreground class.
            sample_weight: One number per image, `(batch,)`, or per pixel, `(batch, height,
                width)`. A mean over pixels multiplies each pixel's loss by it and divides by the
                pixels, as Keras does; a loss of regions counts a pixel so many times.
        """
        with keras.name_scope(self.name):
            pixels = self._pixels(y_true, y_pred, sample_weight)
            self.check(pixels.classes)
            return self.compute(pixels) / replicas()

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return the loss of a batch, a scalar."""
        return self(y_true, y_pred)

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the loss; each subclass has its own formula."""
        raise NotImplementedError

    def check(self, classes: int) -> None:
        """Refuse arguments that do not fit the number of classes, which the model's output tells.

        Raises:
            KsegError: They do not fit.
        """
        if self.class_weights is not None:
            _checks.same_length(self.class_weights, range(classes), "class_weights", "classes")
        _checks.outside(self.ignore_class, classes)

    def get_config(self) -> dict:
        """Return the arguments."""
        arguments = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in arguments if name != "self"}

    def _pixels(
        self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor | None
    ) -> Pixels:
        y_pred = at_least_float32(ops.convert_to_tensor(y_pred))
        y_true = _as_indices(ops.convert_to_tensor(y_true), y_pred)
        is_valid = ops.logical_and(y_true >= 0, y_true < max(2, y_pred.shape[-1]))
        if self.ignore_class is not None:
            is_valid = ops.logical_and(is_valid, y_true != self.ignore_class)
        valid = weights = ops.cast(is_valid, y_pred.dtype)
        if sample_weight is not None:
            sample_weight = ops.cast(ops.convert_to_tensor(sample_weight), y_pred.dtype)
            weights = ops.where(is_valid, _for_pixels(sample_weight, y_true), 0.0)
        return Pixels(
            ops.where(is_valid, y_true, 0),
            ops.where(is_valid[..., None], y_pred, 0.0),
            valid,
            weights,
        )


@keras.saving.register_keras_serializable(package="kseg.losses")
class CompoundLoss(Summand):
    """A weighted sum of losses: `CrossEntropy() + 0.5 * Dice()`.

    Args:
        losses: The losses.
        weights: A number of at least 0 for each.
        name: Name of the loss.

    Raises:
        KsegError: A weight is negative, all are 0, or there are more or fewer than losses.

    Example:
        >>> loss = kseg.losses.CrossEntropy() + 0.5 * kseg.losses.Dice()
        >>> loss.weights
        (1.0, 0.5)
        >>> mask, predicted = np.array([[[0]]]), np.array([[[[0.5, 0.5]]]])  # an image of one pixel
        >>> round(float(loss(mask, predicted)), 3)  # -log 0.5 + 0.5 * (1 - 2 * 0.5 / (0.5 + 1))
        0.86
    """

    def __init__(
        self, losses: Sequence[Summand], weights: Sequence[float], name: str = "loss"
    ) -> None:
        super().__init__(name=name)
        self.losses = tuple(losses)
        self.weights = _checks.weights(weights, "weights", "loss")
        _checks.same_length(self.weights, self.losses, "weights", "losses")

    def __call__(
        self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> KerasTensor:
        """Return the loss of a batch, a scalar.

        Args:
            y_true: Masks, class indices, `(batch, height, width)` or with a last axis of 1.
            y_pred: Probabilities or logits, `(batch, height, width, classes)`.
            sample_weight: One number per image, `(batch,)`, or per pixel, of the masks' shape.
        """
        return sum(
            weight * loss(y_true, y_pred, sample_weight)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        )

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return the loss of a batch, a scalar."""
        return self(y_true, y_pred)

    def get_config(self) -> dict:
        """Return the arguments."""
        losses = [keras.saving.serialize_keras_object(loss) for loss in self.losses]
        return {"losses": losses, "weights": self.weights, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "CompoundLoss":
        """Make a sum again of what `get_config` gave."""
        losses = [keras.saving.deserialize_keras_object(loss) for loss in config["losses"]]
        return cls(losses, config["weights"], config["name"])


def at_least_float32(x: KerasTensor) -> KerasTensor:
    """Turn half precision and whole numbers into float32; leave float64."""
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")


def probabilities(pixels: Pixels, from_logits: bool) -> KerasTensor:
    """Return the probability of each class, `(batch, height, width, classes)`, at least two."""
    x = pixels.predicted
    if x.shape[-1] > 1:
        return ops.softmax(x, axis=-1) if from_logits else x
    if from_logits:
        return ops.sigmoid(ops.concatenate([-x, x], axis=-1))
    return ops.concatenate([1 - x, x], axis=-1)


def sum_over(x: KerasTensor, axes: Sequence[int]) -> KerasTensor:
    """Sum one axis after the other, the last first.

    A float32 that millions of pixels were added to one by one is wrong in its fourth digit; sums of
    sums of lines are not.
    """
    for axis in sorted(axes, reverse=True):
        x = ops.sum(x, axis=axis)
    return x


def quotient(over: KerasTensor, under: KerasTensor, empty: float = 0.0) -> KerasTensor:
    """Divide, with a finite gradient; `empty` where the divisor is 0."""
    is_empty = under <= 0
    return ops.where(is_empty, empty, over / ops.where(is_empty, 1.0, under))


def replicas() -> int:
    """Return how many devices share a batch: Keras adds up their losses, which are means each."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def _summed(loss: Summand) -> CompoundLoss:
    return loss if isinstance(loss, CompoundLoss) else CompoundLoss((loss,), (1.0,))


def _for_pixels(sample_weight: KerasTensor, y_true: KerasTensor) -> KerasTensor:
    """Give weights of images or pixels the number of axes of the mask."""
    missing = len(y_true.shape) - len(sample_weight.shape)
    if missing == -1 and sample_weight.shape[-1] == 1:
        sample_weight, missing = ops.squeeze(sample_weight, axis=-1), 0
    is_one_an_image = missing >= 0 and all(side == 1 for side in sample_weight.shape[1:])
    if not is_one_an_image and not _checks.fits(sample_weight.shape, y_true.shape):
        raise KsegError(
            "Sample weights must be one number per image, (batch,), or one per pixel, the shape of "
            f"the mask {tuple(y_true.shape)}. Received: {tuple(sample_weight.shape)}."
        )
    return ops.reshape(sample_weight, (*ops.shape(sample_weight), *[1] * missing))


def _as_indices(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if not _checks.fits(y_true.shape, y_pred.shape[:-1]):
        raise KsegError(
            "The target of every kseg model is the integer mask: shape (batch, height, width) "
            f"beside predictions (batch, height, width, classes). Received masks {y_true.shape} "
            f"and predictions {y_pred.shape}. A one-hot mask becomes one by argmax(axis=-1)."
        )
    return ops.cast(y_true, "int32")
