"""Confusion matrices: counted on the device in training, in NumPy in evaluation."""

import keras
import numpy as np
from keras import KerasTensor, ops

from kseg.errors import KsegError


def confusion_matrix(
    y_true: KerasTensor, y_pred: KerasTensor, num_classes: int, ignore_class: int | None = 255
) -> KerasTensor:
    """Count the pixels of each pair of true and predicted class.

    Args:
        y_true: Class indices, int, any shape. Void pixels and indices outside the classes are left
            out.
        y_pred: Class indices, int, the same shape.
        num_classes: Classes.
        ignore_class: The index of void pixels; `None` for none.

    Returns:
        Int32 counts, shape `(num_classes, num_classes)`: rows truth, columns prediction.
    """
    y_true, y_pred = ops.ravel(y_true), ops.ravel(y_pred)
    valid = (y_true >= 0) & (y_true < num_classes) & (y_pred >= 0) & (y_pred < num_classes)
    if ignore_class is not None:
        valid = valid & (y_true != ignore_class)
    cells = num_classes * num_classes
    cell = ops.where(valid, y_true * num_classes + y_pred, cells)
    return ops.reshape(_tally(cell, cells + 1)[:cells], (num_classes, num_classes))


def valid_pixels(truth: np.ndarray, num_classes: int, ignore: int | None) -> np.ndarray:
    """Tell which pixels of a mask are of a class, and not void; booleans of its shape."""
    valid = (truth >= 0) & (truth < num_classes)
    return valid if ignore is None else valid & (truth != ignore)


def most_likely(y_pred: KerasTensor) -> KerasTensor:
    """Return the index of the largest of the last axis, int32; the first of equals.

    On TensorFlow it takes half the time of `keras.ops.argmax`, which tells -0.0 from 0.0.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.argmax(y_pred, axis=-1, output_type="int32")
    return ops.cast(ops.argmax(y_pred, axis=-1), "int32")


def count_confusion(
    truth: np.ndarray, predicted: np.ndarray, num_classes: int, ignore: int | None
) -> np.ndarray:
    """Count one image's pixels in NumPy, as `confusion_matrix` does, in int64.

    Raises:
        KsegError: A pixel is predicted as none of the classes, which would flatter the score.
    """
    valid = valid_pixels(truth, num_classes, ignore)
    if predicted.size and not 0 <= predicted.min() <= predicted.max() < num_classes:
        raise KsegError(
            f"The data has the classes 0 to {num_classes - 1}, but the model predicts class "
            f"{predicted.max()}. Score it on data of the classes it was trained on."
        )
    cell = truth[valid].astype(np.int64) * num_classes + predicted[valid]
    counts = np.bincount(cell, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes)


def _tally(cell: KerasTensor, number: int) -> KerasTensor:
    """Count how often each index below `number` occurs, int32."""
    if keras.backend.backend() == "tensorflow":  # a sixth of the time of a sum by segments
        import tensorflow as tf

        no_weights = tf.constant([], "int32")
        return tf.raw_ops.DenseBincount(input=cell, size=number, weights=no_weights)
    return ops.segment_sum(ops.ones_like(cell), cell, num_segments=number)
