"""The recipe's section on the loop: how long, in what portions, in which numbers."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from kseg import _checks
from kseg._settings import Section, Side, setting
from kseg.errors import KsegError
from kseg.schedules.settings import Part

MONITORS = {
    "frequency_weighted_iou": "FrequencyWeightedIoU",
    "loss": "",
    "mean_dice": "MeanDice",
    "mean_iou": "MeanIoU",
    "mean_pixel_accuracy": "MeanPixelAccuracy",
    "pixel_accuracy": "PixelAccuracy",
}
"""What the best epoch is found by, with the metric of `kseg.metrics` that counts it."""
CLASS_MONITORS = {"dice": "Dice", "iou": "IoU", "precision": "Precision", "recall": "Recall"}
"""The same of one class, named behind a colon: "dice:pet"."""


class Loop(Section):
    """How a training goes over its images."""

    epochs: Side | None = setting(None, "Passes over the training images")
    minutes: Annotated[float, Field(gt=0, le=1_000_000)] | None = setting(
        None,
        "End the training in this time, its last epoch validated, however fast the machine is; the "
        "reading of the data before it and the scores behind it come on top",
    )
    done: str | None = setting(
        None,
        "File of how much was done before each step of a training by the clock, to do it again",
        is_option=False,
    )
    checkpoint_minutes: Annotated[float, Field(gt=0, le=1_000_000)] = setting(
        5.0,
        "Minutes in an epoch after which the state of the training is kept, to go on from there",
    )
    batch_size: Side | None = setting(None, "Images per step")
    monitor: str = setting(
        "mean_iou",
        f"What the best epoch is found by, on the validation split: {', '.join(MONITORS)}; or of "
        f"one class, such as dice:pet, {', '.join(CLASS_MONITORS)}",
    )
    above: Annotated[float, Field(allow_inf_nan=False)] | None = setting(
        None,
        "The monitored value that an epoch must exceed to be kept as the best; below it where it "
        "is the loss",
    )
    patience: Side | None = setting(
        None, "End the training when no epoch has been better for so many epochs"
    )
    recoveries: Annotated[int, Field(ge=0, le=1000)] = setting(
        3,
        "Times that a training whose loss is not finite goes back to earlier weights, at half the "
        "rate; 0 to end it at once",
    )
    average: Part | None = setting(
        None,
        "Part of the training over which a running average of the weights looks back; it is kept "
        "where it scores higher; 0 for none",
    )
    precision: Literal["float32", "bfloat16", "float16"] | None = setting(
        None, "Number format of the computation"
    )

    @field_validator("monitor")
    @classmethod
    def _monitor_is_known(cls, text: str) -> str:
        kind, colon, of_class = text.partition(":")
        if not colon:
            if kind in CLASS_MONITORS:
                raise KsegError(f"{kind} is of one class: name it, as in {kind}:road.")
            return _checks.one_of(kind, MONITORS, "monitor")
        _checks.one_of(kind, CLASS_MONITORS, "monitor of one class")
        if not of_class.strip():
            raise KsegError(f"expected a class behind the colon, as in {kind}:road.")
        return text


def log_of(monitor: str) -> str:
    """Return the log of an epoch that holds what is monitored, such as "val_mean_iou"."""
    return f"val_{metric_name(monitor)}"


def metric_name(monitor: str) -> str:
    """Return the name of the metric that counts it, such as "dice_pet" of "dice:pet"."""
    return re.sub(r"\W+", "_", monitor)


def title_of(monitor: str) -> str:
    """Spell what is monitored for people, such as "val Dice of pet"."""
    kind, _, of_class = monitor.partition(":")
    words = kind.replace("_", " ").replace("iou", "IoU").replace("dice", "Dice")
    return f"val {words} of {of_class}" if of_class else f"val {words}"
