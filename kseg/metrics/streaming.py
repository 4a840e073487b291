"""Metrics for `model.compile(metrics=[...])`: one confusion matrix, summed over the batches."""

import keras
import numpy as np
from keras import KerasTensor, ops

from kseg import _checks
from kseg.errors import KsegError
from kseg.metrics import scores
from kseg.metrics.confusion import confusion_matrix, most_likely

_LIMB = 2**20


class ConfusionMetric(keras.metrics.Metric):
    """A confusion matrix over all batches, of which a subclass's `score` makes one number.

    Counts are held in two parts, exact to 2^51 pixels on backends without 64-bit integers, also
    where the parts of up to 2000 devices are added up.

    Args:
        num_classes: Channels of the model's output: classes, or 1 for one sigmoid output, which
            counts as two classes, background and foreground.
        ignore_class: The index of void pixels in the mask; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.
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
        self.ignore_class = _checks.index_or_none(ignore_class, "ignore_class")
        _checks.outside(self.ignore_class, max(2, num_classes))
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
            KsegError: The shapes are not of this form.
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
        """Turn the counts per class, float32, into one number."""
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
        has_classes = "float" not in keras.backend.standardize_dtype(y_pred.dtype)
        channels = () if has_classes else (self.num_classes,)
        if not any(
            _checks.fits(y_pred.shape, (*pixels, *channels))
            for pixels in (y_true.shape, y_true.shape[:-1])
            if pixels == y_true.shape or y_true.shape[-1] == 1
        ):
            raise KsegError(
                f"{self.name} expected integer masks (batch, height, width), and class indices of "
                f"that shape or predictions of {self.num_classes} channels (num_classes). Received "
                f"masks {tuple(y_true.shape)} and predictions {tuple(y_pred.shape)}."
            )
        if has_classes:
            return ops.cast(y_pred, "int32")
        if y_pred.shape[-1] == 1:
            return ops.cast(y_pred >= self.threshold, "int32")
        return most_likely(y_pred)


class ClassMean(ConfusionMetric):
    """The mean of a score over the classes that have one; the base of `MeanIoU` and its like."""

    ratio = staticmethod(scores.iou)

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the mean."""
        over, under = self.ratio(correct, truth, predicted)
        present = ops.cast(under > 0, "float32")
        return _quotient(ops.sum(over / ops.maximum(under, 1.0)), ops.sum(present))

    def per_class(self) -> np.ndarray:
        """Return the score of each class so far, float64; NaN for a class that has none."""
        matrix = self.matrix
        return scores.ratio(self.ratio, np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0))


@keras.saving.register_keras_serializable(package="kseg.metrics")
class MeanIoU(ClassMean):
    """Mean over the classes of intersection over union, classes absent everywhere left out.

    Unlike `keras.metrics.MeanIoU` it takes the model's output as it is, and leaves void pixels and
    absent classes out.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.

    Example:
        >>> metric = kseg.metrics.MeanIoU(3)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> metric.per_class()  # class 2 is absent, and a void pixel does not count
        array([0.66666667, 0.5       ,        nan])
        >>> round(float(metric.result()), 3)
        0.583
    """

    default_name = "mean_iou"


@keras.saving.register_keras_serializable(package="kseg.metrics")
class MeanDice(ClassMean):
    """Mean over the classes of the Dice coefficient (F1), classes absent everywhere left out.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.

    Example:
        >>> metric = kseg.metrics.MeanDice(3)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # class 0: 4 / 5, class 1: 2 / 3, class 2 is absent
        0.733
    """

    default_name = "mean_dice"
    ratio = staticmethod(scores.dice)


@keras.saving.register_keras_serializable(package="kseg.metrics")
class MeanPixelAccuracy(ClassMean):
    """Mean over the classes of the part of their pixels that is predicted rightly.

    Classes absent from the truth are left out.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.

    Example:
        >>> metric = kseg.metrics.MeanPixelAccuracy(3)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # class 0: 2 / 3, class 1: 1 / 1, class 2 is absent
        0.833
    """

    default_name = "mean_pixel_accuracy"
    ratio = staticmethod(scores.accuracy)


@keras.saving.register_keras_serializable(package="kseg.metrics")
class PixelAccuracy(ConfusionMetric):
    """Part of the valid pixels that is predicted rightly.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.

    Example:
        >>> metric = kseg.metrics.PixelAccuracy(2)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # 3 of 4 pixels, void left out
        0.75
    """

    default_name = "pixel_accuracy"

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the pixel accuracy."""
        return _quotient(ops.sum(correct), ops.sum(truth))


@keras.saving.register_keras_serializable(package="kseg.metrics")
class FrequencyWeightedIoU(ConfusionMetric):
    """Mean of IoU in which a class weighs as many pixels as it has in truth.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs.

    Raises:
        KsegError: `num_classes` is below 1, or `ignore_class` is one of the classes.

    Example:
        >>> metric = kseg.metrics.FrequencyWeightedIoU(2)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # 3 / 4 of 2 / 3, and 1 / 4 of 1 / 2
        0.625

    References:
        Long, Shelhamer and Darrell 2015, https://arxiv.org/abs/1411.4038, Section 5.
    """

    default_name = "frequency_weighted_iou"

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the weighted mean."""
        over, under = scores.iou(correct, truth, predicted)
        return _quotient(ops.sum(truth * over / ops.maximum(under, 1.0)), ops.sum(truth))


class OfClass(ConfusionMetric):
    """The score of one class; the base of `IoU`, `Dice`, `Precision` and `Recall`.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        class_id: Index of the class; 1 for the foreground of a single output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs; by default with the class's index, such as "iou_3".

    Raises:
        KsegError: An argument is out of its range, or there is no such class.
    """

    ratio = staticmethod(scores.iou)

    def __init__(
        self,
        num_classes: int,
        class_id: int,
        ignore_class: int | None = 255,
        threshold: float = 0.5,
        name: str | None = None,
    ) -> None:
        super().__init__(
            num_classes, ignore_class, threshold, name or f"{self.default_name}_{class_id}"
        )
        self.class_id = _checks.number_of(class_id, range(max(2, num_classes)), "class_id")

    def score(
        self, correct: KerasTensor, truth: KerasTensor, predicted: KerasTensor
    ) -> KerasTensor:
        """Return the class's score; NaN where it has none yet."""
        index = self.class_id
        over, under = self.ratio(correct[index], truth[index], predicted[index])
        return ops.where(under > 0, over / ops.maximum(under, 1.0), float("nan"))

    def get_config(self) -> dict:
        """Return the arguments."""
        return {**super().get_config(), "class_id": self.class_id}


@keras.saving.register_keras_serializable(package="kseg.metrics")
class IoU(OfClass):
    """Intersection over union of one class.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        class_id: Index of the class; 1 for the foreground of a single output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs; by default with the class's index, such as "iou_3".

    Raises:
        KsegError: An argument is out of its range, or there is no such class.

    Example:
        >>> metric = kseg.metrics.IoU(2, class_id=0)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # 2 pixels in both, 3 in either
        0.667
    """

    default_name = "iou"


@keras.saving.register_keras_serializable(package="kseg.metrics")
class Dice(OfClass):
    """Dice coefficient (F1) of one class.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        class_id: Index of the class; 1 for the foreground of a single output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs; by default with the class's index, such as "iou_3".

    Raises:
        KsegError: An argument is out of its range, or there is no such class.

    Example:
        >>> metric = kseg.metrics.Dice(2, class_id=0)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # 2 * 2 / (3 + 2)
        0.8
    """

    default_name = "dice"
    ratio = staticmethod(scores.dice)


@keras.saving.register_keras_serializable(package="kseg.metrics")
class Precision(OfClass):
    """Part of the pixels predicted as a class that are of it.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        class_id: Index of the class; 1 for the foreground of a single output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs; by default with the class's index, such as "iou_3".

    Raises:
        KsegError: An argument is out of its range, or there is no such class.

    Example:
        >>> metric = kseg.metrics.Precision(2, class_id=1)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # of 2 pixels, 1 is of the class
        0.5
    """

    default_name = "precision"
    ratio = staticmethod(scores.precision)


@keras.saving.register_keras_serializable(package="kseg.metrics")
class Recall(OfClass):
    """Part of a class's pixels that are predicted as it.

    Args:
        num_classes: Channels of the model's output; 1 for one sigmoid output.
        class_id: Index of the class; 1 for the foreground of a single output.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        threshold: The value from which a single output means foreground; 0 for logits.
        name: Name in logs; by default with the class's index, such as "iou_3".

    Raises:
        KsegError: An argument is out of its range, or there is no such class.

    Example:
        >>> metric = kseg.metrics.Recall(2, class_id=0)
        >>> metric.update_state(np.array([[[0, 0, 0, 1, 255]]]), np.array([[[0, 0, 1, 1, 1]]]))
        >>> round(float(metric.result()), 3)  # of 3 pixels, 2 are found
        0.667
    """

    default_name = "recall"
    ratio = staticmethod(scores.accuracy)


def _quotient(over: KerasTensor, under: KerasTensor) -> KerasTensor:
    return over / ops.maximum(under, 1.0)
