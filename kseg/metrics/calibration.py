"""Calibration: whether a model that says 0.8 is right in 80 of 100 pixels."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from kseg.errors import KsegError
from kseg.metrics.confusion import valid_pixels

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Confidence and correctness of pixels, in bins of equal width from 0 to 1.

    Attributes:
        pixels: Pixels per bin, int64.
        confidence: Sum of the probability of the predicted class, float64, per bin.
        correct: Pixels whose predicted class is the true one, int64, per bin.
    """

    pixels: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray

    def __add__(self, other: "Calibration") -> "Calibration":
        """Return the calibration of both sets of pixels together."""
        return Calibration(
            self.pixels + other.pixels,
            self.confidence + other.confidence,
            self.correct + other.correct,
        )

    @property
    def expected_error(self) -> float:
        """Expected calibration error in [0, 1]: |accuracy - confidence| per bin, mean over pixels.

        References:
            Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, https://arxiv.org/abs/1706.04599,
            Equation 3.
        """
        total = self.pixels.sum()
        gaps = np.abs(self.correct - self.confidence).sum()
        return float(gaps / total) if total else float("nan")

    @property
    def overconfidence(self) -> float:
        """Mean confidence less accuracy, in [-1, 1]; above 0 the model promises too much."""
        total = self.pixels.sum()
        gap = (self.confidence - self.correct).sum()
        return float(gap / total) if total else float("nan")


def count_calibration(
    truth: np.ndarray,
    predicted: np.ndarray,
    confidence: np.ndarray,
    num_classes: int,
    ignore: int | None = 255,
    bins: int = BINS,
) -> Calibration:
    """Count the pixels of one image; add the results of several.

    Args:
        truth: Class indices, int, `(height, width)`.
        predicted: Class indices, int, the same shape.
        confidence: Probability of the predicted class, float in [0, 1], the same shape.
        num_classes: Classes.
        ignore: The index of void pixels; `None` for none.
        bins: Number of bins.

    Example:
        >>> truth, predicted = np.array([[0, 0, 0, 1]]), np.array([[0, 0, 1, 1]])
        >>> counts = kseg.metrics.count_calibration(truth, predicted, np.full((1, 4), 0.9), 2)
        >>> round(counts.expected_error, 3)  # sure to 0.9, right in 3 of 4 pixels
        0.15
    """
    valid = valid_pixels(truth, num_classes, ignore)
    values = confidence[valid].astype(np.float64)
    number = np.clip((values * bins).astype(np.int64), 0, bins - 1)
    is_right = truth[valid] == predicted[valid]
    return Calibration(
        np.bincount(number, minlength=bins),
        np.bincount(number, weights=values, minlength=bins),
        np.bincount(number[is_right], minlength=bins),
    )


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature by which probabilities hold best: that of the least cross-entropy.

    Fit it on images that the network was not trained on.

    Args:
        probabilities: Of pixels, float in [0, 1], `(pixels, classes)`.
        truth: Their classes, int, `(pixels,)`.

    Returns:
        From 0.05 to 20; above 1 where the network is too sure. 1 where there is no pixel.

    Raises:
        KsegError: There are not as many pixels in both.

    Example:
        >>> sure = np.array([[0.99, 0.01]] * 10)  # right in 8 of 10 pixels
        >>> temperature = kseg.metrics.fit_temperature(sure, np.array([0] * 8 + [1] * 2))
        >>> powers = sure[0] ** (1 / temperature)
        >>> (powers / powers.sum()).round(3)
        array([0.8, 0.2])

    References:
        Guo et al. 2017, https://arxiv.org/abs/1706.04599, Section 4.2.
    """
    if len(probabilities) != len(truth):
        raise KsegError(
            "probabilities and truth must be of the same pixels. Received "
            f"{len(probabilities)} and {len(truth)}."
        )
    if not len(truth):
        return 1.0
    logits = np.log(np.maximum(probabilities, 1e-12, dtype=np.float64))
    rows = np.arange(len(truth))

    def loss(logarithm: float) -> float:
        scaled = logits / np.exp(logarithm)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[rows, truth]))

    found = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))
