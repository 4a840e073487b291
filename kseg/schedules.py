"""Learning-rate schedules, and the recipe's section on them; Keras is imported when one is made."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator

from kseg import _checks
from kseg._settings import Section, setting

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule


class Schedule(Section):
    """How the learning rate changes over a training."""

    shorthand: ClassVar[str] = "name"

    name: str = setting(
        "cosine",
        "How the learning rate changes: cosine falls to 0, constant stays at its peak",
        word="schedule",
    )
    warmup: Annotated[float, Field(ge=0, lt=1)] = setting(
        0.1, "Part of the steps in which the rate rises to its peak"
    )

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, name: str) -> str:
        return _checks.one_of(name, SCHEDULES, "schedule")


def cosine_with_warmup(peak: float, steps: int, warmup: float = 0.1) -> "LearningRateSchedule":
    """Rise linearly to `peak`, then fall along half a cosine to 0.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Returns:
        A function of the step to its rate, as Keras's optimizers take it.

    Example:
        >>> from kseg.schedules import cosine_with_warmup
        >>> rate = cosine_with_warmup(peak=1.0, steps=100, warmup=0.2)
        >>> [round(float(rate(step)), 3) for step in (20, 60, 100)]  # peak, half way down, end
        [1.0, 0.5, 0.0]

    References:
        Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, Equation 5, without restarts;
        Goyal et al. 2017, https://arxiv.org/abs/1706.02677, Section 2.2, for the warm-up.
    """
    return _falling_to(0.0, peak, steps, warmup)


def constant_with_warmup(peak: float, steps: int, warmup: float = 0.1) -> "LearningRateSchedule":
    """Rise linearly to `peak`, and stay there.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Returns:
        A function of the step to its rate, as Keras's optimizers take it.

    Example:
        >>> from kseg.schedules import constant_with_warmup
        >>> rate = constant_with_warmup(peak=1.0, steps=100, warmup=0.2)
        >>> [round(float(rate(step)), 3) for step in (20, 100)]
        [1.0, 1.0]
    """
    return _falling_to(1.0, peak, steps, warmup)


SCHEDULES = {"constant": constant_with_warmup, "cosine": cosine_with_warmup}


def make_schedule(settings: Schedule, peak: float, steps: int) -> "LearningRateSchedule":
    """Make the schedule of a recipe for a training of so many steps."""
    return SCHEDULES[settings.name](peak, steps, settings.warmup)


def _falling_to(part: float, peak: float, steps: int, warmup: float) -> "LearningRateSchedule":
    import keras

    rising = max(1, round(steps * warmup))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 100,
        decay_steps=max(1, steps - rising),
        alpha=part,
        warmup_target=peak,
        warmup_steps=rising,
    )
