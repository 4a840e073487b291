"""What an evaluation adds up, image by image: each has `update` and `result`."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from kseg import _checks
from kseg.data.samples import Sample
from kseg.inference.decision import Decided
from kseg.labels import Labels
from kseg.metrics.boundary import BorderScores, score_borders
from kseg.metrics.calibration import Calibration, count_calibration
from kseg.metrics.confusion import count_confusion


class Accumulator(Protocol):
    """Adds up something over the images of a data set."""

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image.

        Args:
            sample: The image and its true mask.
            found: What is predicted.
        """

    def result(self) -> Any:
        """Return what was added up so far."""


class Counts(NamedTuple):
    """Pixels by their classes.

    Attributes:
        matrix: Of all images, int64, `(classes, classes)`: rows truth, columns prediction.
        names: The images.
        per_image: Int64, `(images, 3, classes)`: rightly predicted, in truth, predicted.
    """

    matrix: np.ndarray
    names: tuple[str, ...]
    per_image: np.ndarray


class Doubts:
    """Notes how unsure a model is of each image.

    Example:
        >>> doubts = kseg.evaluation.Doubts()
        >>> sample = kseg.data.Sample("photo", np.zeros((1, 2, 3), np.uint8), np.zeros((1, 2)))
        >>> sure = np.array([[0.9, 0.7]])
        >>> mask = np.zeros((1, 2), np.uint8)
        >>> doubts.update(sample, kseg.inference.Decided(mask, sure, doubt=1 - sure))
        >>> doubts.result().round(3)
        array([0.2])
    """

    def __init__(self) -> None:
        self._values: list[float] = []

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image."""
        self._values.append(found.uncertainty)

    def result(self) -> np.ndarray:
        """Return the uncertainty of each image, float64, `(images,)`."""
        return np.array(self._values)


class ConfusionCounts:
    """Counts pixels by true and predicted class, void left out.

    Args:
        labels: The classes.

    Example:
        >>> mask = np.array([[0, 0, 1, 255]], np.uint8)
        >>> sample = kseg.data.Sample("photo", np.zeros((1, 4, 3), np.uint8), mask)
        >>> counts = kseg.evaluation.ConfusionCounts(kseg.Labels(("background", "road")))
        >>> found = np.array([[0, 1, 1, 1]], np.uint8)
        >>> counts.update(sample, kseg.inference.Decided(found, np.ones((1, 4)), np.zeros((1, 4))))
        >>> counts.result().matrix  # rows truth, columns prediction, void left out
        array([[1, 1],
               [0, 1]])
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._matrix = np.zeros((len(labels), len(labels)), np.int64)
        self._names: list[str] = []
        self._per_image: list[tuple[np.ndarray, ...]] = []

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image.

        Raises:
            KsegError: A pixel is predicted as none of the classes.
        """
        own = count_confusion(sample.mask, found.mask, len(self._labels), self._labels.ignore)
        self._matrix += own
        self._names.append(sample.name)
        self._per_image.append((np.diag(own), own.sum(axis=1), own.sum(axis=0)))

    def result(self) -> Counts:
        """Return the counts so far."""
        per_image = np.array(self._per_image, np.int64).reshape(-1, 3, len(self._labels))
        return Counts(self._matrix.copy(), tuple(self._names), per_image)


class Borders:
    """Scores the borders of the classes.

    Args:
        labels: The classes.
        tolerance: The distance, in pixels, up to which an outline is met.

    Raises:
        KsegError: The tolerance is not above 0.
    """

    def __init__(self, labels: Labels, tolerance: float) -> None:
        self._labels = labels
        self._tolerance = _checks.above(tolerance, 0, "border")
        self._sum: BorderScores | None = None

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image."""
        classes, void = len(self._labels), self._labels.ignore
        own = score_borders(sample.mask, found.mask, classes, void, self._tolerance)
        self._sum = own if self._sum is None else self._sum + own

    def result(self) -> BorderScores | None:
        """Return the scores so far; `None` before the first image."""
        return self._sum


class CalibrationCounts:
    """Compares confidence with how often it is right.

    Args:
        labels: The classes.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._sum: Calibration | None = None

    def update(self, sample: Sample, found: Decided) -> None:
        """Add an image."""
        classes, void = len(self._labels), self._labels.ignore
        own = count_calibration(sample.mask, found.mask, found.confidence, classes, void)
        self._sum = own if self._sum is None else self._sum + own

    def result(self) -> Calibration | None:
        """Return the counts so far; `None` before the first image."""
        return self._sum
