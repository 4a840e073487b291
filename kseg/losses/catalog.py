"""The losses by name, and sums of them as text; Keras is imported when a loss is made."""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kseg import _checks
from kseg.errors import KsegError

if TYPE_CHECKING:
    from kseg.losses.base import CompoundLoss, SegmentationLoss

LOSSES = {
    "boundary": "boundary:Boundary",
    "ce": "crossentropy:CrossEntropy",
    "dice": "overlap:Dice",
    "focal": "crossentropy:Focal",
    "focal_tversky": "overlap:FocalTversky",
    "jaccard": "overlap:Jaccard",
    "lovasz": "lovasz:LovaszSoftmax",
    "lovasz_hinge": "lovasz:LovaszHinge",
    "mcc": "overlap:MCC",
    "topk": "crossentropy:TopKCrossEntropy",
    "tversky": "overlap:Tversky",
}
PIXELWISE = ("ce", "focal", "topk")
"""Losses in which a class counts by its pixels, so that rare ones may need weights."""


def parse(text: str) -> tuple[tuple[str, float], ...]:
    """Read a loss or a sum of losses, such as "ce", "ce+dice" or "ce+0.5*lovasz".

    Returns:
        Names, keys of `LOSSES`, and their weights.

    Raises:
        KsegError: A name is unknown, or a weight is no number above 0.
    """
    return tuple(_term(part.strip()) for part in text.split("+"))


def make_loss(
    text: str,
    ignore_class: int | None = 255,
    class_weights: Sequence[float] | None = None,
) -> "SegmentationLoss | CompoundLoss":
    """Make the loss that a text such as "ce+0.5*lovasz" names.

    Args:
        text: As `parse` reads it.
        ignore_class: The index of void pixels, for every part.
        class_weights: One weight a class, for every part.

    Raises:
        KsegError: The text names no loss, or an argument is out of its range.
    """
    options = {"ignore_class": ignore_class, "class_weights": class_weights}
    terms = [(_class(name)(**options), weight) for name, weight in parse(text)]
    weighted = [loss if weight == 1 else weight * loss for loss, weight in terms]
    return sum(weighted[1:], start=weighted[0])


def _term(text: str) -> tuple[str, float]:
    weight, star, name = text.rpartition("*")
    try:
        number = _checks.above(float(weight) if star else 1.0, 0, "weight")
    except ValueError:
        raise KsegError(
            f"A weight of a loss must be a number above 0, as in ce+0.5*dice. Received: '{text}'."
        ) from None
    return _checks.one_of(name.strip(), LOSSES, "loss"), number


def _class(name: str) -> type:
    module, class_name = LOSSES[name].split(":")
    return getattr(importlib.import_module(f"kseg.losses.{module}"), class_name)
