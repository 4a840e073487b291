"""The recipe's section on the learning rate over a training."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from kseg import _calls
from kseg._settings import Section, setting

SCHEDULES = {
    "constant": "kseg.schedules.curves:constant",
    "cosine": "kseg.schedules.curves:cosine",
    "exponential": "kseg.schedules.curves:exponential",
    "onecycle": "kseg.schedules.curves:one_cycle",
    "plateau": "kseg.schedules.curves:plateau",
    "polynomial": "kseg.schedules.curves:polynomial",
    "restarts": "kseg.schedules.curves:restarts",
    "step": "kseg.schedules.curves:step",
}
WARMUP = {"constant": 0.1, "cosine": 0.1, "onecycle": 0.3}
"""The part of the steps in which the rate of each rises, unless told otherwise; 0 of the others."""

Part = Annotated[float, Field(ge=0, lt=1)]


class Schedule(Section):
    """How the learning rate changes over a training.

    Attributes:
        name: One of `SCHEDULES`, with options in parentheses.
        warmup: Part of the steps in which the rate rises, in [0, 1).

    Example:
        >>> kseg.schedules.Schedule(name="exponential(decay=0.9)", warmup=0.1).warmup
        0.1
    """

    shorthand: ClassVar[str] = "name"
    hint: ClassVar[str] = (
        "An option of a schedule stands in parentheses behind its name: "
        "schedule.name=polynomial(power=2)."
    )

    name: str = setting(
        "onecycle",
        f"How the learning rate changes once it has risen to its peak: {', '.join(SCHEDULES)}; "
        "with options such as exponential(decay=0.98), per epoch, step(at=[30,80], "
        "factors=[0.1,1,0.01]), after epochs, and plateau(patience=5, factor=0.1), when no epoch "
        "is better for so many",
        word="schedule",
    )
    warmup: Part | None = setting(
        None,
        "Part of the steps in which the rate rises; by itself 0.1 of constant and cosine, 0.3 of "
        "onecycle, 0 of the others",
    )

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, text: str) -> str:
        _calls.read(text, SCHEDULES, "schedule")
        return text


def warmup(text: str) -> float:
    """Return the part of the steps in which the rate of a schedule rises by itself."""
    return WARMUP.get(_calls.read(text, SCHEDULES, "schedule").name, 0.0)
