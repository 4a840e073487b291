"""Learning-rate schedules, and the recipe's section on them; Keras is imported when one is made."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator

from kseg import _checks
from kseg._settings import Section, setting

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule


Part = Annotated[float, Field(ge=0, lt=1)]


class Schedule(Section):
    """How the learning rate changes over a training."""

    shorthand: ClassVar[str] = "name"

    name: str = setting(
        "onecycle",
        "How the learning rate changes once it has risen to its peak: cosine falls to 0 after a "
        "short rise, onecycle after a long one, constant stays",
        word="schedule",
    )
    warmup: Part | None = setting(
        None, "Part of the steps in which the rate rises; by itself 0.1, of onecycle 0.3"
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
    return _falling(peak, steps, warmup)


def one_cycle(peak: float, steps: int, warmup: float = 0.3) -> "LearningRateSchedule":
    """Rise linearly from a 25th of `peak` for a good part of the training, then fall to 0.

    For short trainings with a high peak, which the long rise makes bearable. The momentum stays as
    it is, where Smith lets it fall and rise; the fall is half a cosine, as in fastai.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Returns:
        A function of the step to its rate, as Keras's optimizers take it.

    Example:
        >>> from kseg.schedules import one_cycle
        >>> rate = one_cycle(peak=1.0, steps=100)
        >>> [round(float(rate(step)), 3) for step in (0, 15, 30, 65, 100)]
        [0.04, 0.52, 1.0, 0.5, 0.0]

    References:
        Smith and Topin 2018, https://arxiv.org/abs/1708.07120, Section 3.
    """
    return _falling(peak, steps, warmup, start=1 / 25)


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
    return _falling(peak, steps, warmup, end=1.0)


SCHEDULES = {
    "constant": constant_with_warmup,
    "cosine": cosine_with_warmup,
    "onecycle": one_cycle,
}
WARMUP = {"constant": 0.1, "cosine": 0.1, "onecycle": 0.3}
"""The part of the steps in which the rate of each rises, unless told otherwise."""


def make_schedule(settings: Schedule, peak: float, steps: int) -> "LearningRateSchedule":
    """Make the schedule of a recipe for a training of so many steps."""
    warmup = WARMUP[settings.name] if settings.warmup is None else settings.warmup
    return SCHEDULES[settings.name](peak, steps, warmup)


def _falling(
    peak: float, steps: int, warmup: float, *, start: float = 0.01, end: float = 0.0
) -> "LearningRateSchedule":
    """Rise from a part of the peak, and fall to a part of it."""
    import keras

    rising = max(1, round(steps * warmup))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak * start,
        decay_steps=max(1, steps - rising),
        alpha=end,
        warmup_target=peak,
        warmup_steps=rising,
    )
