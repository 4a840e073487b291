"""Predictor and samples to scores of a whole data set."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kseg import _html
from kseg.data.samples import Sample, Samples
from kseg.evaluation.accumulators import (
    Accumulator,
    Borders,
    CalibrationCounts,
    ConfusionCounts,
    Doubts,
)
from kseg.evaluation.pixels import PixelSample
from kseg.inference.decision import decide
from kseg.inference.ensemble import Ensemble
from kseg.inference.predictor import BATCH, Predictor
from kseg.inference.probabilities import Probabilities
from kseg.labels import Labels
from kseg.metrics.boundary import BorderScores
from kseg.metrics.calibration import Calibration
from kseg.metrics.grouping import groups_of
from kseg.metrics.intervals import iou_intervals, mean_iou_gain_interval, mean_iou_interval
from kseg.metrics.ranking import Ranking
from kseg.metrics.scores import Scores, divided, ratio
from kseg.metrics.scores import iou as iou_of


@dataclass(frozen=True)
class Gain:
    """What several answers, averaged, are better than a single one, and what they cost.

    Attributes:
        over: The run whose single answer it is compared with, the best of several.
        mean_iou: The difference of the mean IoU.
        interval: Its 95 % interval by the bootstrap over groups of images, the same for both.
        cost: How many times as long the networks took.
    """

    over: str
    mean_iou: float
    interval: tuple[float, float]
    cost: float


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
        uncalibrated: The same before the temperature of the network, where it has one.
        uncertainty: How unsure the model is of each image, float64, `(images,)`, if that was asked
            for; see `inference.decide`.
        seconds: What the networks took.
        gain: What an ensemble or test-time augmentation is better than one answer of one network.

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
    uncalibrated: Calibration | None = None
    uncertainty: np.ndarray | None = None
    seconds: float = 0.0
    gain: Gain | None = None

    def _repr_html_(self) -> str:
        """Show the scores in a notebook, as the command prints them."""
        lower, upper = self.interval
        said = (
            f"mean IoU {self.scores.mean_iou:.3f} ({lower:.3f} to {upper:.3f} in 95 % of data "
            f"sets), mean Dice {self.scores.mean_dice:.3f}, pixel accuracy "
            f"{self.scores.pixel_accuracy:.3f}, over {self.images} images"
        )
        cells = [["" if v != v else f"{v:.3f}" for v in values] for values in self.columns.values()]
        rows = zip(self.labels.names, *cells, strict=True)
        titles = ["class", *(name.replace("_", " ") for name in self.columns)]
        return _html.table(titles, rows) + _html.line(said)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.names)

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each image, int64, `(images,)`: see `metrics.groups_of`."""
        return groups_of(self.names)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean IoU by the bootstrap over groups of images."""
        return mean_iou_interval(self.counts, groups=self.groups)

    @cached_property
    def class_intervals(self) -> np.ndarray:
        """The same of the IoU of each class, float64, `(classes, 2)`; NaN where it is absent."""
        return iou_intervals(self.counts, groups=self.groups)

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
    def is_collapsed(self) -> bool:
        """Whether one class is predicted everywhere, though the truth holds others."""
        return bool(np.count_nonzero(self.scores.matrix.sum(axis=0)) == 1) and bool(
            np.count_nonzero(self.scores.matrix.sum(axis=1)) > 1
        )

    @property
    def ranking(self) -> Ranking | None:
        """Uncertainty of the images against 1 minus their mean IoU, if it was asked for."""
        if self.uncertainty is None:
            return None
        return Ranking(self.uncertainty, 1 - self.image_scores["mean_iou"])

    def gain_over(self, before: "Evaluation", name: str) -> Gain:
        """Return what this is better than another evaluation of the same images.

        Args:
            before: The other one.
            name: What that is called.
        """
        return Gain(
            name,
            self.scores.mean_iou - before.scores.mean_iou,
            mean_iou_gain_interval(self.counts, before.counts, groups=self.groups),
            self.seconds / before.seconds if before.seconds else float("nan"),
        )

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
            "interval_groups": len(set(self.groups.tolist())),
            "classes": {
                class_name: {name: _or_none(column[index]) for name, column in columns.items()}
                for index, class_name in enumerate(self.labels.names)
            },
            "confusion": self.scores.matrix.tolist(),
        }
        if self.gain is not None:
            content["gain"] = {
                "over": self.gain.over,
                "mean_iou": _or_none(self.gain.mean_iou),
                "interval": [_or_none(end) for end in self.gain.interval],
                "cost": _or_none(self.gain.cost),
            }
        if self.border is not None:
            content["border_tolerance"] = self.border.tolerance
        if self.calibration is not None:
            content["calibration"] = {
                "expected_error": _or_none(self.calibration.expected_error),
                "overconfidence": _or_none(self.calibration.overconfidence),
                "is_collapsed": self.is_collapsed,
                "pixels": self.calibration.pixels.tolist(),
                "confidence": self.calibration.confidence.tolist(),
                "correct": self.calibration.correct.tolist(),
            }
        if self.uncalibrated is not None:
            content["calibration"]["expected_error_before"] = _or_none(
                self.uncalibrated.expected_error
            )
        if self.ranking is not None:
            content["ranking"] = {
                "area": _or_none(self.ranking.area),
                "random_area": _or_none(self.ranking.random_area),
                "oracle_area": _or_none(self.ranking.oracle_area),
            }
        return content


def evaluate(
    predictor: Predictor | Ensemble,
    samples: Samples,
    on_image: Callable[[], None] = lambda: None,
    *,
    border: float | None = None,
    calibration: bool = False,
    rank: bool = False,
    pixels: PixelSample | None = None,
    also: Sequence[Accumulator] = (),
) -> Evaluation:
    """Predict every sample at its own size and count.

    Args:
        predictor: Predicts masks of images.
        samples: A data set; its masks are compared at full size, void left out.
        on_image: Called after each image.
        border: The tolerance, in pixels, to score the borders at; `None` leaves them out.
        calibration: Whether to compare the probabilities with how often they are right.
        rank: Whether to note how unsure the model is of each image.
        pixels: Is given what the network says of each image.
        also: Are given each image, and what is decided of it.

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
    before = CalibrationCounts(labels)

    def hear(sample: Sample, found: Probabilities) -> None:
        if pixels is not None:
            pixels.add(sample, found)
        if calibration and found.temperature != 1:
            before.update(sample, decide(replace(found, temperature=1.0)))

    doubts = Doubts() if rank else None
    extra = [one for one in (borders, reliability, doubts) if one is not None]
    seconds = _accumulate([confusion, *extra, *also], predictor, samples, on_image, hear)
    counts = confusion.result()
    return Evaluation(
        labels,
        Scores(counts.matrix),
        counts.names,
        counts.per_image,
        border=None if borders is None else borders.result(),
        calibration=None if reliability is None else reliability.result(),
        uncalibrated=before.result(),
        uncertainty=None if doubts is None else doubts.result(),
        seconds=seconds,
    )


def _accumulate(
    accumulators: Sequence[Accumulator],
    predictor: Predictor | Ensemble,
    samples: Samples,
    on_image: Callable[[], None],
    hear: Callable[[Sample, Probabilities], None],
) -> float:
    """Add up over all samples; return the seconds that the networks took."""
    seconds = 0.0
    for group in _read_ahead(samples, BATCH):
        answers = predictor.probabilities(sample.image for sample in group)
        for sample in group:
            start = time.perf_counter()
            found = next(answers)
            decided = decide(found)
            seconds += time.perf_counter() - start
            hear(sample, found)
            for accumulator in accumulators:
                accumulator.update(sample, decided)
            on_image()
    return seconds


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
