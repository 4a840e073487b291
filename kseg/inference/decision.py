"""From probabilities to a mask, and to how sure it is."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy

from kseg import _checks
from kseg.inference.probabilities import Probabilities
from kseg.inference.settings import DOUBTS


class Decided(NamedTuple):
    """What is decided of an image, or of some of its rows.

    Attributes:
        mask: Class indices, uint8, `(height, width)`.
        confidence: The probability of each pixel's class, float in [0, 1], of the same shape.
        doubt: How unsure the model is of each pixel, float in [0, 1], of the same shape.
    """

    mask: np.ndarray
    confidence: np.ndarray
    doubt: np.ndarray

    @property
    def uncertainty(self) -> float:
        """How unsure the model is of the image: the mean over its pixels."""
        return float(self.doubt.mean(dtype=np.float64))


def decide(probabilities: Probabilities) -> Decided:
    """Choose the likeliest class of each pixel, the first of equals.

    A single sigmoid output means foreground from 0.5 on. Classes are interpolated and compared one
    at a time, so that memory does not grow with their number. A temperature changes no class.

    How unsure the model is of a pixel is measured as `probabilities.doubt` says, in [0, 1]:
    "confidence", 1 less the probability of its class; "entropy", of all classes, over the logarithm
    of their number; "margin", 1 less what the likeliest class is ahead of the next; "disagreement",
    of several answers, what the entropy of their mean is above the mean of their entropies.

    Args:
        probabilities: What a network says about an image.

    Returns:
        Of the image's `(height, width)`.

    Raises:
        KsegError: There is no such measure, or one answer alone where several could disagree.

    Example:
        >>> values = np.array([[[0.7, 0.3], [0.4, 0.6]]])  # one row of two pixels
        >>> found = kseg.inference.decide(kseg.inference.Probabilities(values, (1, 2)))
        >>> found.mask, found.confidence
        (array([[0, 1]], dtype=uint8), array([[0.7, 0.6]], dtype=float32))
        >>> round(found.uncertainty, 3)
        0.35

    References:
        Settles 2009, Active Learning Literature Survey, Section 3.1; for disagreement Houlsby et
        al. 2011, https://arxiv.org/abs/1112.5745, Equation 2, in nats over their most.
    """
    _checks.one_of(probabilities.doubt, DOUBTS, "uncertainty")
    mask, confidence = _likeliest(probabilities)
    if probabilities.temperature != 1:
        power = np.float32(1 / probabilities.temperature)
        confidence = confidence**power / _total(probabilities)
    return Decided(mask, confidence, _doubt(probabilities, confidence))


def _likeliest(probabilities: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest class of each pixel, and what the network says of it."""
    if probabilities.is_binary:
        foreground = probabilities.of_class(1)
        mask = foreground >= 0.5
        return mask.astype(np.uint8), np.where(mask, foreground, 1 - foreground)
    mask, confidence = np.zeros(probabilities.size, np.uint8), probabilities.of_class(0)
    for index in range(1, probabilities.num_classes):
        candidate = probabilities.of_class(index)
        np.putmask(mask, candidate > confidence, index)
        np.maximum(confidence, candidate, out=confidence)
    return mask, confidence


def _doubt(probabilities: Probabilities, confidence: np.ndarray) -> np.ndarray:
    """Return how unsure the model is of each pixel."""
    if probabilities.doubt == "confidence":
        return 1 - confidence
    if probabilities.doubt == "margin":
        first = second = np.zeros(probabilities.size, np.float32)
        for plane in _planes(probabilities):
            second = np.maximum(second, np.minimum(first, plane))
            first = np.maximum(first, plane)
        return 1 - (first - second)
    entropy = np.zeros(probabilities.size, np.float32)
    for plane in _planes(probabilities):
        entropy += scipy.special.entr(plane)
    entropy /= np.log(probabilities.num_classes)
    if probabilities.doubt == "entropy":
        return entropy
    return np.clip(entropy - probabilities.entropies(), 0, 1)


def _planes(probabilities: Probabilities) -> Iterator[np.ndarray]:
    """Yield the probabilities of class by class, calibrated."""
    power = np.float32(1 / probabilities.temperature)
    total = 1.0 if power == 1 else _total(probabilities)
    for index in range(probabilities.num_classes):
        plane = probabilities.of_class(index)
        yield plane if power == 1 else plane**power / total


def _total(probabilities: Probabilities) -> np.ndarray:
    """Return what the powers of a pixel's probabilities, by their temperature, add up to."""
    power = np.float32(1 / probabilities.temperature)
    total = np.zeros(probabilities.size, np.float32)
    for index in range(probabilities.num_classes):
        total += probabilities.of_class(index) ** power
    return total
