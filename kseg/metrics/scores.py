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
    """

    matrix: np.ndarray

    @property
    def iou(self) -> np.ndarray:
        """IoU a class, float64 in [0, 1]; NaN where neither truth nor prediction has the class."""
        return self._of_each_class(iou)

    @property
    def dice(self) -> np.ndarray:
        """Dice a class, float64 in [0, 1]; NaN as in `iou`."""
        return self._of_each_class(dice)

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy a class, float64 in [0, 1]; NaN where the truth has no pixel of the class."""
        return self._of_each_class(accuracy)

    @property
    def precision(self) -> np.ndarray:
        """Precision a class, float64 in [0, 1]; NaN where no pixel is predicted as the class."""
        return self._of_each_class(precision)

    @property
    def pixels(self) -> np.ndarray:
        """Pixels a class in truth, int64."""
        return self.matrix.sum(axis=1)

    @property
    def means(self) -> dict[str, float]:
        """Means over the classes, and scores of all pixels; NaN without a pixel.

        Mean IoU, mean Dice, pixel accuracy, mean pixel accuracy, and frequency-weighted IoU, in
        which a class weighs as much as it has pixels (Long, Shelhamer and Darrell 2015).
        """
        right, total = np.trace(self.matrix), self.matrix.sum()
        weighted = np.nansum(self.iou * self.pixels)
        return {
            "mean_iou": mean_of(self.iou),
            "mean_dice": mean_of(self.dice),
            "pixel_accuracy": float(right / total) if total else float("nan"),
            "mean_pixel_accuracy": mean_of(self.accuracy),
            "frequency_weighted_iou": float(weighted / total) if total else float("nan"),
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


def mean_of(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN without one."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
