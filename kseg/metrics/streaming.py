"""Metrics for `model.compile(metrics=[...])`: one confusion matrix, summed over the batches."""

import keras
import numpy as np
from keras import KerasTensor, ops

from kseg import _checks
from kseg.metrics import scores
from kseg.metrics.confusion import confusion_matrix

_LIMB = 2**30


class ConfusionMetric(keras.metrics.Metric):
    """A confusion matrix over all batches, of which a subclass's `score` makes one number.

    Counts are held in two 30-bit parts, exact to 2^60 pixels on backends without 64-bit integers.

    Args:
        num_classes: Channels of the model's output: classes, or 1 for one sigmoid output, which
            counts as two classes, background and foreground.
        ignore_class: The index of void pixels in the mask; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        ValueError: `num_classes` is below 1.
    """

    default_name = "confusion"

    def __init__(
        self,
        num_classes: int,
        ignore_class: int | None = 255,
        threshold: float = 0.5,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or self.default_name)
        self.num_classes = _checks.positive_int(num_classes, "num_classes")
        self.ignore_class = ignore_class
        self.threshold = threshold
        shape = (max(2, num_classes),) * 2
        self._low = self.add_weight(shape, "zeros", dtype="int32", name="low")
        self._high = self.add_weight(shape, "zeros", dtype="int32", name="high")

    def update_state(
        self, y_true: KerasTensor, y_pred: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: Masks, class indices, shape `(batch, height, width)` or with a last axis of 1.
            y_pred: Probabilities or logits, shape `(batch, height, width, num_classes)`, or class
                indices, int, of the shape of `y_true`.
            sample_weight: Not used: every valid pixel counts once.

        Raises:
            ValueError: The shapes are not of this form.
        """
        y_true = ops.cast(y_true, "int32")
        y_pred = self._as_indices(ops.convert_to_tensor(y_pred), y_true)
        counts = confusion_matrix(y_true, y_pred, max(2, self.num_classes), self.ignore_class)
        low = self._low + counts
        self._high.assign(self._high + low // _LIMB)
        self._low.assign(low % _LIMB)

    def result(self) -> KerasTensor:
        """Return the score so far, float32; 0 before the first valid pixel."""
        high, low = ops.cast(self._high, "float32"), ops.cast(self._low, "float32")
        matrix = high * _LIMB + low
        return self.score(ops.diagonal(matrix), ops.sum(matrix, axis=1), ops.sum(matrix, axis=0))

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Turn the counts a class, float32, into one number."""
        raise NotImplementedError

    @property
    def matrix(self) -> np.ndarray:
        """The confusion matrix so far, int64: rows truth, columns prediction."""
        high, low = (ops.convert_to_numpy(part) for part in (self._high, self._low))
        return high.astype(np.int64) * _LIMB + low

    def get_config(self) -> dict:
        """Return the arguments."""
        return {
            "num_classes": self.num_classes,
            "ignore_class": self.ignore_class,
            "threshold": self.threshold,
            "name": self.name,
        }

    def _as_indices(self, y_pred: KerasTensor, y_true: KerasTensor) -> KerasTensor:
        if "int" in keras.backend.standardize_dtype(y_pred.dtype):
            return ops.cast(y_pred, "int32")
        is_mask = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
        if y_pred.shape[-1] != self.num_classes or not is_mask:
            raise ValueError(
                f"{self.name} expected integer masks (batch, height, width) and predictions of "
                f"{self.num_classes} channels (num_classes). Received masks {y_true.shape} and "
                f"predictions {y_pred.shape}."
            )
        if y_pred.shape[-1] == 1:
            return ops.cast(y_pred >= self.threshold, "int32")
        return ops.cast(ops.argmax(y_pred, axis=-1), "int32")


@keras.saving.register_keras_serializable(package="kseg")
class MeanIoU(ConfusionMetric):
    """Mean over the classes of intersection over union, classes absent everywhere left out.

    Unlike `keras.metrics.MeanIoU` it takes the model's output as it is, and leaves void pixels and
    absent classes out. The arguments are those of `ConfusionMetric`.

    Example:
        >>> model.compile("adam", CrossEntropy(), metrics=[MeanIoU(8)])
    """

    default_name = "mean_iou"

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the mean IoU."""
        over, under = scores.iou(correct, truth, predicted)
        present = ops.cast(under > 0, "float32")
        return _ratio(ops.sum(over / ops.maximum(under, 1.0)), ops.sum(present))


@keras.saving.register_keras_serializable(package="kseg")
class PixelAccuracy(ConfusionMetric):
    """Part of the valid pixels that is predicted rightly.

    The arguments are those of `ConfusionMetric`.
    """

    default_name = "pixel_accuracy"

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the pixel accuracy."""
        return _ratio(ops.sum(correct), ops.sum(truth))


def _ratio(over: KerasTensor, under: KerasTensor) -> KerasTensor:
    return over / ops.maximum(under, 1.0)
