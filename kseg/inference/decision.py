"""From probabilities to a mask."""

import numpy as np

from kseg.inference.probabilities import Probabilities


def uncertainty_of(confidence: np.ndarray) -> float:
    """Return how unsure a model is of an image: the mean over its pixels of 1 - confidence.

    Args:
        confidence: Probability of each pixel's class, in [0, 1], as `decide` gives it.

    Returns:
        In [0, 1 - 1 / classes]: "least confidence" of the pixels (Settles 2009, Section 3.1).

    Example:
        >>> round(kseg.inference.uncertainty_of(np.array([[1.0, 0.6]])), 3)
        0.2
    """
    return float(1 - confidence.mean(dtype=np.float64))


def decide(probabilities: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    """Choose the likeliest class of each pixel, the first of equals.

    A single sigmoid output means foreground from 0.5 on. Classes are interpolated and compared one
    at a time, so that memory does not grow with their number. A temperature changes no class.

    Args:
        probabilities: What a network says about an image.

    Returns:
        Class indices, uint8, and the probability of each pixel's class, float in [0, 1]; each of
        the image's `(height, width)`.

    Example:
        >>> values = np.array([[[0.7, 0.3], [0.4, 0.6]]])  # one row of two pixels
        >>> mask, confidence = kseg.inference.decide(kseg.inference.Probabilities(values, (1, 2)))
        >>> mask, confidence
        (array([[0, 1]], dtype=uint8), array([[0.7, 0.6]]))
    """
    mask, confidence = _likeliest(probabilities)
    if probabilities.temperature == 1:
        return mask, confidence
    power = np.float32(1 / probabilities.temperature)
    total = np.zeros(probabilities.size, np.float32)
    for index in range(probabilities.num_classes):
        total += probabilities.of_class(index) ** power
    return mask, confidence**power / total


def _likeliest(probabilities: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest class of each pixel, and what the network says of it."""
    if probabilities.is_binary:
        foreground = probabilities.of_class(1)
        mask = foreground >= 0.5
        return mask.astype(np.uint8), np.where(mask, foreground, 1 - foreground)
    values = probabilities.values
    if values.shape[:2] == probabilities.size:
        return values.argmax(axis=-1).astype(np.uint8), values.max(axis=-1)
    mask, confidence = np.zeros(probabilities.size, np.uint8), probabilities.of_class(0)
    for index in range(1, probabilities.num_classes):
        candidate = probabilities.of_class(index)
        is_likelier = candidate > confidence
        mask[is_likelier] = index
        confidence[is_likelier] = candidate[is_likelier]
    return mask, confidence
