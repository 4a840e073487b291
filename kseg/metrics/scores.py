"""From a confusion matrix to scores.

A score of a class is a numerator over a denominator, functions of three counts: the pixels that are
rightly of the class, those that are of it in truth, and those predicted as it. The functions below
serve NumPy arrays and backend tensors alike. A denominator of 0 means that the class is absent: it
has no score and takes no part in a mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


def iou(correct: Any, truth: Any, predicted: Any) -> tuple:
    """Intersection over union (Jaccard 1912): correct / (truth + predicted - correct)."""
    return correct, truth + predicted - correct


def dice(correct: Any, truth: Any, predicted: Any) -> tuple:
    """Dice coefficient (Dice 1945), the F1 of pixels: 2 correct / (truth + predicted)."""
    return 2 * correct, truth + predicted


def accuracy(correct: Any, truth: Any, predicted: Any) -> tuple:
    """Class accuracy, or recall: correct / truth."""
    return correct, truth


def precision(correct: Any, truth: Any, predicted: Any) -> tuple:
    """Precision: correct / predicted."""
    return correct, predicted


@dataclass(frozen=True)
class Scores:
    """Scores of a data set, all from one confusion matrix.

    Attributes:
        matrix: Pixel counts, int64, shape `(classes, classes)`: rows truth, columns prediction.

    Example:
        >>> scores = kseg.metrics.Scores(np.array([[6, 2], [0, 2]]))
        >>> scores.iou  # 6 / (8 + 6 - 6) and 2 / (2 + 4 - 2)
        array([0.75, 0.5 ])
        >>> scores.mean_iou, scores.pixel_accuracy
        (0.625, 0.8)
    """

    matrix: np.ndarray

    @property
    def iou(self) -> np.ndarray:
        """IoU per class, float64 in [0, 1]; NaN where neither truth nor prediction has it."""
        return self._of_each_class(iou)

    @property
    def dice(self) -> np.ndarray:
        """Dice per class, float64 in [0, 1]; NaN as in `iou`."""
        return self._of_each_class(dice)

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy per class, float64 in [0, 1]; NaN where the truth has no pixel of the class."""
        return self._of_each_class(accuracy)

    @property
    def precision(self) -> np.ndarray:
        """Precision per class, float64 in [0, 1]; NaN where no pixel is predicted as the class."""
        return self._of_each_class(precision)

    @property
    def pixels(self) -> np.ndarray:
        """Pixels per class in truth, int64."""
        return self.matrix.sum(axis=1)

    @property
    def mean_iou(self) -> float:
        """Mean of the IoU over the classes that have one."""
        return mean_of(self.iou)

    @property
    def mean_dice(self) -> float:
        """Mean of the Dice coefficient over the classes that have one."""
        return mean_of(self.dice)

    @property
    def pixel_accuracy(self) -> float:
        """Part of all pixels that is predicted rightly."""
        return float(divided(np.trace(self.matrix), self.matrix.sum()))

    @property
    def mean_pixel_accuracy(self) -> float:
        """Mean of the accuracy over the classes that the truth has."""
        return mean_of(self.accuracy)

    @property
    def frequency_weighted_iou(self) -> float:
        """Mean of the IoU in which a class weighs as much as it has pixels in truth.

        References:
            Long, Shelhamer and Darrell 2015, https://arxiv.org/abs/1411.4038, Section 5.
        """
        return float(divided(np.nansum(self.iou * self.pixels), self.matrix.sum()))

    @property
    def means(self) -> dict[str, float]:
        """The five numbers above by their names; each is NaN without a pixel."""
        return {
            "mean_iou": self.mean_iou,
            "mean_dice": self.mean_dice,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_pixel_accuracy": self.mean_pixel_accuracy,
            "frequency_weighted_iou": self.frequency_weighted_iou,
        }

    def _of_each_class(self, score: Any) -> np.ndarray:
        counts = self.matrix
        return ratio(score, np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))


def ratio(score: Any, correct: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return a score of counts of any shape, float64; NaN where its denominator is 0."""
    return divided(*score(correct, truth, predicted))


def divided(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Divide, in float64; NaN where the divisor is not above 0."""
    over, under = np.asarray(over, np.float64), np.asarray(under, np.float64)
    return np.divide(over, under, out=np.full_like(under, np.nan), where=under > 0)


def deviation_of(values: np.ndarray) -> float:
    """Return the standard deviation, over n - 1, of the values that are not NaN; NaN under two."""
    present = values[~np.isnan(values)]
    return float(present.std(ddof=1)) if present.size > 1 else float("nan")


def mean_of(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN without one."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
