"""The losses by name, and sums of them as text; Keras is imported when a loss is made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kseg import _calls

if TYPE_CHECKING:
    from kseg.losses.base import CompoundLoss, SegmentationLoss

LOSSES = {
    "boundary": "kseg.losses.boundary:Boundary",
    "ce": "kseg.losses.crossentropy:CrossEntropy",
    "dice": "kseg.losses.overlap:Dice",
    "focal": "kseg.losses.crossentropy:Focal",
    "focal_tversky": "kseg.losses.overlap:FocalTversky",
    "jaccard": "kseg.losses.overlap:Jaccard",
    "lovasz": "kseg.losses.lovasz:LovaszSoftmax",
    "lovasz_hinge": "kseg.losses.lovasz:LovaszHinge",
    "mcc": "kseg.losses.overlap:MCC",
    "topk": "kseg.losses.crossentropy:TopKCrossEntropy",
    "tversky": "kseg.losses.overlap:Tversky",
}
PIXELWISE = ("ce", "focal", "topk")
"""Losses in which a class counts by its pixels, so that rare ones may need weights."""


GIVEN = ("name", "ignore_class", "class_weights", "from_logits")
"""Arguments of losses that no text sets: the data and the network decide them."""


def parse(text: str) -> tuple[tuple[_calls.Call, float], ...]:
    """Read a loss or a sum of losses, such as "ce", "ce+dice" or "focal(gamma=3) + 0.5*lovasz".

    Returns:
        Names, keys of `LOSSES`, with their options, and their weights.

    Raises:
        KsegError: A name is unknown, or a weight is no number above 0.
    """
    return _calls.read_sum(text, LOSSES, "loss")


def make_loss(
    text: str,
    ignore_class: int | None = 255,
    class_weights: Sequence[float] | None = None,
) -> "SegmentationLoss | CompoundLoss":
    """Make the loss that a text such as "ce+0.5*dice(over=image)" names.

    Args:
        text: As `parse` reads it; the options are the arguments of the losses.
        ignore_class: The index of void pixels, for every part.
        class_weights: One weight per class, for every part.

    Raises:
        KsegError: The text names no loss, a loss has no such option, or one is out of its range.

    Example:
        >>> loss = kseg.losses.make_loss("ce + 0.5*dice(over=image)", class_weights=[1, 5])
        >>> [one.name for one in loss.losses], loss.weights
        (['cross_entropy', 'dice'], (1.0, 0.5))
    """
    shared = {"ignore_class": ignore_class, "class_weights": class_weights}
    terms = [
        (_calls.function(call, LOSSES, "loss", given=GIVEN)(**shared), weight)
        for call, weight in parse(text)
    ]
    weighted = [loss if weight == 1 else weight * loss for loss, weight in terms]
    return sum(weighted[1:], start=weighted[0])


def is_pixelwise(text: str) -> bool:
    """Tell whether a sum holds nothing but losses in which a class counts by its pixels."""
    return all(call.name in PIXELWISE for call, _ in parse(text))
