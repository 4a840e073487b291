"""The recipe's section on the loop: how long, in what portions, in which numbers."""

from typing import Literal

from kseg._settings import Section, Side, setting
from kseg.schedules import Part


class Loop(Section):
    """How a training goes over its images."""

    epochs: Side | None = setting(None, "Passes over the training images")
    batch_size: Side | None = setting(None, "Images per step")
    average: Part | None = setting(
        None,
        "Part of the training over which a running average of the weights looks back; it is kept "
        "where it scores higher; 0 for none",
    )
    precision: Literal["float32", "bfloat16", "float16"] | None = setting(
        None, "Number format of the computation"
    )
