"""Runs of one recipe on the folds of a data set, and how far their scores spread."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kseg.runs.run import Run

if TYPE_CHECKING:
    import numpy as np

    from kseg.labels import Labels


@dataclass(frozen=True)
class CrossValidation:
    """A recipe that was trained once per fold, each scored on its own part of the images.

    Attributes:
        runs: The runs, in the order of the folds.
        path: Where the summary stands.

    Example:
        >>> words = {"data": "my_data", "arch": "unet", "filters": (2, 4), "epochs": 1}
        >>> found = kseg.cross_validate(folds=2, name="twice", size=32, **words)
        >>> [run.name for run in found.runs], found.path.name
        (['twice-fold1', 'twice-fold2'], 'twice-folds.json')
        >>> found.iou.shape, found.mean_iou.shape  # of folds and classes, of folds
        ((2, 2), (2,))
    """

    runs: tuple[Run, ...]
    path: Path

    @property
    def labels(self) -> "Labels":
        """The classes."""
        return self.runs[0].labels

    @cached_property
    def iou(self) -> "np.ndarray":
        """IoU of each class in each fold, float64, `(folds, classes)`; NaN where it is absent."""
        import numpy as np

        return np.array([run.scores.iou for run in self.runs])

    @cached_property
    def mean_iou(self) -> "np.ndarray":
        """Mean IoU of each fold, float64, `(folds,)`."""
        import numpy as np

        return np.array([run.scores.mean_iou for run in self.runs])

    def to_dict(self) -> dict:
        """Return mean, standard deviation and values per fold, as JSON can hold them."""
        columns = zip(self.labels.names, self.iou.T, strict=True)
        return {
            "runs": [run.name for run in self.runs],
            "mean_iou": _summary(self.mean_iou),
            "classes": {name: _summary(column) for name, column in columns},
        }


def _summary(values: "np.ndarray") -> dict:
    from kseg.metrics.scores import deviation_of, mean_of

    numbers = (mean_of(values), deviation_of(values), *map(float, values))
    mean, deviation, *each = (None if number != number else number for number in numbers)
    return {"mean": mean, "deviation": deviation, "folds": each}
