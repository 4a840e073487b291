"""The scores per class of the validation that an epoch ended with."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kseg import _checks
from kseg.metrics.scores import Scores
from kseg.metrics.streaming import ConfusionMetric


def is_validated(logs: Mapping[str, Any] | None) -> bool:
    """Tell from the logs of an epoch whether it was validated."""
    return any(name.startswith("val_") for name in logs or {})


def validation_iou(model: keras.Model, classes: Sequence[str]) -> dict[str, float]:
    """Return the IoU per class at the end of an epoch that was validated.

    Until the next epoch begins the metrics of a model hold what its validation counted.

    Args:
        model: A model in training.
        classes: Names of the classes.

    Returns:
        By the name of the class, NaN for one that neither truth nor prediction has; empty where the
        model was compiled without a metric of kseg that counts confusions, such as `MeanIoU`.

    Raises:
        KsegError: The metric counts more or fewer classes than there are names.
    """
    for metric in model.metrics:
        for part in getattr(metric, "metrics", (metric,)):
            if isinstance(part, ConfusionMetric):
                found = Scores(part.matrix).iou.tolist()
                _checks.same_length(classes, found, "classes", f"the classes of {part.name}")
                return dict(zip(classes, found, strict=True))
    return {}
