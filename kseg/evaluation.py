"""Predictor and samples to scores of a whole data set."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kseg.data.samples import Sample, Samples
from kseg.inference.predictor import Predictor
from kseg.labels import Labels
from kseg.metrics.confusion import count_confusion
from kseg.metrics.scores import Scores


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set.

    Attributes:
        labels: The classes.
        scores: All from one confusion matrix over every valid pixel.
        images: Number of images.
    """

    labels: Labels
    scores: Scores
    images: int

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it; `None` for a class that is absent."""
        columns = {
            "iou": self.scores.iou,
            "dice": self.scores.dice,
            "accuracy": self.scores.accuracy,
            "pixels": self.scores.pixels,
        }
        return {
            "images": self.images,
            **{name: _or_none(value) for name, value in self.scores.means.items()},
            "classes": {
                class_name: {name: _or_none(column[index]) for name, column in columns.items()}
                for index, class_name in enumerate(self.labels.names)
            },
            "confusion": self.scores.matrix.tolist(),
        }


def evaluate(
    predictor: Predictor, samples: Samples, on_image: Callable[[], None] = lambda: None
) -> Evaluation:
    """Predict every sample at its own size and count.

    Args:
        predictor: Predicts masks of images.
        samples: A data set; its masks are compared at full size, void left out.
        on_image: Called after each image.

    Raises:
        ValueError: A sample cannot be read.
    """
    labels = samples.labels
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    for group in _read_ahead(samples, 8):
        masks = predictor.predict([sample.image for sample in group])
        for sample, mask in zip(group, masks, strict=True):
            matrix += count_confusion(sample.mask, mask, len(labels), labels.ignore)
            on_image()
    return Evaluation(labels, Scores(matrix), len(samples))


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
