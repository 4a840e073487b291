"""The recipe's section on the loop: how long, in what portions, in which numbers."""

from typing import Annotated, Literal

from pydantic import Field

from kseg._settings import Section, Side, setting
from kseg.schedules.settings import Part


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
    average: Part | None = setting(
        None,
        "Part of the training over which a running average of the weights looks back; it is kept "
        "where it scores higher; 0 for none",
    )
    precision: Literal["float32", "bfloat16", "float16"] | None = setting(
        None, "Number format of the computation"
    )
