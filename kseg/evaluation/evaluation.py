"""Predictor and samples to scores of a whole data set."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kseg.data.samples import Sample, Samples
from kseg.evaluation.accumulators import Accumulator, Borders, CalibrationCounts, ConfusionCounts
from kseg.inference.decision import decide
from kseg.inference.predictor import BATCH, Predictor
from kseg.labels import Labels
from kseg.metrics.boundary import BorderScores
from kseg.metrics.calibration import Calibration
from kseg.metrics.intervals import mean_iou_interval
from kseg.metrics.scores import Scores, divided, ratio
from kseg.metrics.scores import iou as iou_of


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set.

    Attributes:
        labels: The classes.
        scores: All from one confusion matrix over every valid pixel.
        names: The images.
        counts: Pixels of each image, int64, `(images, 3, classes)`: rightly predicted, in truth,
            predicted.
        border: Scores of the borders, if they were asked for.
        calibration: Confidence and correctness, if they were asked for.

    Example:
        >>> found = kseg.evaluate("unetpp-my_data", split="val")
        >>> found.images, found.scores.iou.shape, found.names
        (3, (2,), ('0', '1', '2'))
    """

    labels: Labels
    scores: Scores
    names: tuple[str, ...]
    counts: np.ndarray
    border: BorderScores | None = None
    calibration: Calibration | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.names)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean IoU by the bootstrap over images."""
        return mean_iou_interval(self.counts)

    @property
    def image_scores(self) -> dict[str, np.ndarray]:
        """Scores of each image by itself, float64: its mean IoU and its pixel accuracy.

        A class that neither an image's truth nor its prediction holds takes no part in its mean.
        The mean over images of these is not the score of the data set.
        """
        correct, truth, predicted = self.counts.transpose(1, 0, 2)
        iou = ratio(iou_of, correct, truth, predicted)
        is_there = ~np.isnan(iou)
        return {
            "mean_iou": divided(np.nansum(iou, axis=1), is_there.sum(axis=1)),
            "pixel_accuracy": divided(correct.sum(axis=1), truth.sum(axis=1)),
        }

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The scores of each class by name; NaN where a class has none."""
        columns = {"iou": self.scores.iou, "dice": self.scores.dice}
        columns["accuracy"] = self.scores.accuracy
        if self.border is not None:
            columns |= self.border.columns
        return columns

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it; `None` for a class that is absent."""
        columns = {**self.columns, "pixels": self.scores.pixels}
        content = {
            "images": self.images,
            **{name: _or_none(value) for name, value in self.scores.means.items()},
            "mean_iou_interval": [_or_none(end) for end in self.interval],
            "classes": {
                class_name: {name: _or_none(column[index]) for name, column in columns.items()}
                for index, class_name in enumerate(self.labels.names)
            },
            "confusion": self.scores.matrix.tolist(),
        }
        if self.border is not None:
            content["border_tolerance"] = self.border.tolerance
        if self.calibration is not None:
            content["calibration"] = {
                "expected_error": _or_none(self.calibration.expected_error),
                "overconfidence": _or_none(self.calibration.overconfidence),
                "pixels": self.calibration.pixels.tolist(),
                "confidence": self.calibration.confidence.tolist(),
                "correct": self.calibration.correct.tolist(),
            }
        return content


def evaluate(
    predictor: Predictor,
    samples: Samples,
    on_image: Callable[[], None] = lambda: None,
    *,
    border: float | None = None,
    calibration: bool = False,
) -> Evaluation:
    """Predict every sample at its own size and count.

    Args:
        predictor: Predicts masks of images.
        samples: A data set; its masks are compared at full size, void left out.
        on_image: Called after each image.
        border: The tolerance, in pixels, to score the borders at; `None` leaves them out.
        calibration: Whether to compare the probabilities with how often they are right.

    Raises:
        KsegError: A sample cannot be read, the model predicts a class that the data does not have,
            or `border` is not above 0.

    Example:
        >>> samples = kseg.data.ShapesSamples("val", count=2, size=(32, 32))
        >>> model = kseg.build_convnet((None, None, 3), len(samples.labels), filters=(4,))
        >>> predictor = kseg.inference.Predictor(kseg.inference.keras_engine(model))
        >>> found = kseg.evaluation.evaluate(predictor, samples)
        >>> found.images, int(found.scores.matrix.sum())  # every pixel of both
        (2, 2048)
    """
    labels = samples.labels
    confusion = ConfusionCounts(labels)
    borders = None if border is None else Borders(labels, border)
    reliability = CalibrationCounts(labels) if calibration else None
    extra = [one for one in (borders, reliability) if one is not None]
    _accumulate([confusion, *extra], predictor, samples, on_image)
    counts = confusion.result()
    return Evaluation(
        labels,
        Scores(counts.matrix),
        counts.names,
        counts.per_image,
        border=None if borders is None else borders.result(),
        calibration=None if reliability is None else reliability.result(),
    )


def _accumulate(
    accumulators: Sequence[Accumulator],
    predictor: Predictor,
    samples: Samples,
    on_image: Callable[[], None],
) -> None:
    for group in _read_ahead(samples, BATCH):
        answers = predictor.probabilities(sample.image for sample in group)
        for sample, probabilities in zip(group, answers, strict=True):
            mask, confidence = decide(probabilities)
            for accumulator in accumulators:
                accumulator.update(sample, mask, confidence)
            on_image()


def _read_ahead(samples: Samples, count: int) -> Iterator[list[Sample]]:
    """Yield samples in groups; the next group is read while one is worked on."""
    starts = range(0, len(samples), count)

    def read(start: int) -> list[Sample]:
        return [samples[index] for index in range(start, min(start + count, len(samples)))]

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, 0)
        for start in starts:
            group = coming.result()
            if start + count < len(samples):
                coming = reader.submit(read, start + count)
            yield group


def _or_none(value: float) -> float | int | None:
    if isinstance(value, np.integer):
        return int(value)
    return None if np.isnan(value) else float(value)
