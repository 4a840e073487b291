"""Learning rates over the steps of a training: a linear rise, and a curve of Keras's behind it.

Each function returns a `LearningRateSchedule`, which every optimizer of Keras takes and which is
saved with it. Its first arguments are the highest rate, the steps in all, and the part that rises.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

from kseg import _calls, _checks
from kseg.errors import KsegError
from kseg.schedules.settings import SCHEDULES, Schedule, warmup


@keras.saving.register_keras_serializable("kseg")
class WarmUp(LearningRateSchedule):
    """Rises linearly to the first rate of a schedule, then follows it.

    Args:
        schedule: The schedule; its step 0 is the end of the rise.
        steps: Steps that rise, at least 1.
        start: Part of the schedule's first rate at which the rise begins, in [0, 1].

    Example:
        >>> falling = keras.optimizers.schedules.PolynomialDecay(1.0, decay_steps=10)
        >>> rate = kseg.schedules.WarmUp(falling, steps=10, start=0.0)
        >>> [round(float(rate(step)), 2) for step in (0, 5, 10, 15)]
        [0.0, 0.5, 1.0, 0.5]

    References:
        Goyal et al. 2017, https://arxiv.org/abs/1706.02677, Section 2.2.
    """

    def __init__(self, schedule: LearningRateSchedule, steps: int, start: float = 0.01) -> None:
        super().__init__()
        self._schedule = schedule
        self._steps = _checks.positive_int(steps, "steps")
        self._start = _checks.at_least(start, 0, "start")

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, a scalar."""
        step = ops.cast(step, "float32")
        peak = ops.cast(self._schedule(0), "float32")
        risen = peak * (self._start + (1 - self._start) * step / self._steps)
        following = ops.cast(self._schedule(ops.maximum(step - self._steps, 0.0)), "float32")
        return ops.where(step < self._steps, risen, following)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        schedule = keras.saving.serialize_keras_object(self._schedule)
        return {"schedule": schedule, "steps": self._steps, "start": self._start}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        """Make it of what `get_config` returned."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**(config | {"schedule": schedule}))


def constant(peak: float, steps: int, warmup: float = 0.1) -> LearningRateSchedule:
    """Rise linearly to `peak`, and stay there.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Example:
        >>> rate = kseg.schedules.constant(peak=1.0, steps=100, warmup=0.2)
        >>> [round(float(rate(step)), 3) for step in (10, 20, 100)]
        [0.505, 1.0, 1.0]
    """
    return _risen(PolynomialDecay(peak, 1, peak), _rising(steps, warmup))


def plateau(
    peak: float, steps: int, warmup: float = 0.0, *, patience: int = 5, factor: float = 0.1
) -> LearningRateSchedule:
    """Rise linearly to `peak`, and stay there until the training no longer gets better.

    What happens then no schedule can know: `kseg.callbacks.Plateau` multiplies the rate by
    `factor` when no epoch has been better for `patience` epochs, which `kseg.train` sees to. Alone
    it is `constant`.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).
        patience: Epochs to wait for a better one.
        factor: What the rate is multiplied by then, above 0 and up to 1.

    Example:
        >>> rate = kseg.schedules.plateau(peak=1.0, steps=100)
        >>> [float(rate(step)) for step in (0, 50, 100)]
        [1.0, 1.0, 1.0]
    """
    _checks.positive_int(patience, "patience")
    _checks.share(factor, "factor")
    return constant(peak, steps, warmup)


def cosine(peak: float, steps: int, warmup: float = 0.1) -> LearningRateSchedule:
    """Rise linearly to `peak`, then fall along half a cosine to 0.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Example:
        >>> rate = kseg.schedules.cosine(peak=1.0, steps=100, warmup=0.2)
        >>> [round(float(rate(step)), 3) for step in (20, 60, 100)]  # peak, half way down, end
        [1.0, 0.5, 0.0]

    References:
        Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, Equation 5, without restarts.
    """
    rising = _rising(steps, warmup)
    return _risen(CosineDecay(peak, steps - rising), rising)


def restarts(
    peak: float, steps: int, warmup: float = 0.0, *, cycles: int = 4
) -> LearningRateSchedule:
    """Fall along half a cosine to 0, jump back to `peak`, and fall again: several times alike.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise before the first fall, in [0, 1).
        cycles: Number of falls.

    Example:
        >>> rate = kseg.schedules.restarts(peak=1.0, steps=100, cycles=2)
        >>> [round(float(rate(step)), 3) for step in (0, 25, 49.999, 50, 75)]
        [1.0, 0.5, 0.0, 1.0, 0.5]

    References:
        Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, Equation 5.
    """
    rising = _rising(steps, warmup)
    length = (steps - rising) / _checks.positive_int(cycles, "cycles")
    return _risen(CosineDecayRestarts(peak, length, t_mul=1.0, m_mul=1.0), rising)


def one_cycle(peak: float, steps: int, warmup: float = 0.3) -> LearningRateSchedule:
    """Rise linearly from a 25th of `peak` for a good part of the training, then fall to 0.

    For short trainings with a high peak, which the long rise makes bearable. The momentum stays as
    it is, where Smith lets it fall and rise; the fall is half a cosine, as in fastai.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise, in [0, 1).

    Example:
        >>> rate = kseg.schedules.one_cycle(peak=1.0, steps=100)
        >>> [round(float(rate(step)), 3) for step in (0, 15, 30, 65, 100)]
        [0.04, 0.52, 1.0, 0.5, 0.0]

    References:
        Smith and Topin 2018, https://arxiv.org/abs/1708.07120, Section 3.
    """
    rising = _rising(steps, warmup)
    return _risen(CosineDecay(peak, steps - rising), rising, start=1 / 25)


def polynomial(
    peak: float, steps: int, warmup: float = 0.0, *, power: float = 0.9
) -> LearningRateSchedule:
    """Fall to 0 by a power of what is left, `peak (1 - t)^power`, as the DeepLab papers do.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise before it falls, in [0, 1).
        power: The power, above 0; 1 for a straight line.

    Example:
        >>> rate = kseg.schedules.polynomial(peak=1.0, steps=100, power=2)
        >>> [round(float(rate(step)), 3) for step in (0, 50, 100)]
        [1.0, 0.25, 0.0]

    References:
        Liu et al. 2015, https://arxiv.org/abs/1506.04579, Section 3.2; Chen et al. 2017,
        https://arxiv.org/abs/1606.00915, Section 4.1.
    """
    rising = _rising(steps, warmup)
    _checks.above(power, 0, "power")
    return _risen(PolynomialDecay(peak, steps - rising, 0.0, power), rising)


def exponential(
    peak: float, steps: int, warmup: float = 0.0, *, epochs: int = 1, decay: float = 0.98
) -> LearningRateSchedule:
    """Multiply the rate by the same factor after each epoch.

    Args:
        peak: The highest learning rate.
        steps: Training steps in all.
        warmup: Part of the steps that rise before it falls, in [0, 1).
        epochs: Epochs in all.
        decay: The factor, above 0.

    Example:
        >>> rate = kseg.schedules.exponential(peak=1.0, steps=100, epochs=10, decay=0.5)
        >>> [round(float(rate(step)), 3) for step in (0, 9, 10, 20)]
        [1.0, 1.0, 0.5, 0.25]
    """
    length = steps / _checks.positive_int(epochs, "epochs")
    _checks.above(decay, 0, "decay")
    falling = ExponentialDecay(peak, length, decay, staircase=True)
    return _risen(falling, _rising(steps, warmup))


def step(
    peak: float,
    steps: int,
    warmup: float = 0.0,
    *,
    epochs: int = 1,
    at: Sequence[int],
    factors: Sequence[float],
) -> LearningRateSchedule:
    """Take a part of the rate that changes after given epochs.

    Args:
        peak: The learning rate of which parts are taken.
        steps: Training steps in all.
        warmup: Part of the steps in which the rate rises to its first value, in [0, 1).
        epochs: Epochs in all.
        at: The epochs after which the part changes, rising.
        factors: The parts, one more than there are changes, each above 0.

    Raises:
        KsegError: The epochs do not rise, or the numbers of both do not fit.

    Example:
        >>> parts = dict(at=(3, 8), factors=(0.1, 1, 0.01))
        >>> rate = kseg.schedules.step(peak=1.0, steps=100, epochs=10, **parts)
        >>> [round(float(rate(step)), 3) for step in (0, 29, 30, 79, 80)]
        [0.1, 0.1, 1.0, 1.0, 0.01]
    """
    _check_steps(at, factors)
    length = steps / _checks.positive_int(epochs, "epochs")
    rising = _rising(steps, warmup)
    # A rate holds up to and including its boundary, and step 0 is the first.
    boundaries = [max(epoch * length - rising, 0.0) - 0.5 for epoch in at]
    parts = [peak * factor for factor in factors]
    return _risen(PiecewiseConstantDecay(boundaries, parts), rising)


def make_schedule(
    settings: Schedule, peak: float, steps: int, epochs: int = 1
) -> LearningRateSchedule:
    """Make the schedule of a recipe.

    Args:
        settings: The recipe's section.
        peak: The highest learning rate.
        steps: Training steps in all.
        epochs: Epochs in all.

    Raises:
        KsegError: The schedule has no such option, or one is out of its range.

    Example:
        >>> settings = kseg.schedules.Schedule(name="polynomial(power=2)")
        >>> round(float(kseg.schedules.make_schedule(settings, peak=1.0, steps=10)(5)), 3)
        0.25
    """
    call = _calls.read(settings.name, SCHEDULES, "schedule")
    given = ["warmup", "epochs"]
    needs = ("at", "factors") if call.name == "step" else ()
    make = _calls.function(call, SCHEDULES, "schedule", needs=needs, given=given)
    own = {"epochs": epochs} if call.name in ("exponential", "step") else {}
    part = warmup(settings.name) if settings.warmup is None else settings.warmup
    return make(peak, steps, part, **own)


def _rising(steps: int, warmup: float) -> int:
    """Return the steps that rise; at least one is left for what follows."""
    return min(round(_checks.positive_int(steps, "steps") * warmup), steps - 1)


def _risen(schedule: LearningRateSchedule, rising: int, start: float = 0.01) -> Any:
    return WarmUp(schedule, rising, start) if rising else schedule


def _check_steps(at: Sequence[int], factors: Sequence[float]) -> None:
    wanted = "step needs rising epochs and one factor more, as in step(at=[30,80], "
    wanted += "factors=[0.1,1,0.01])"
    lists = all(isinstance(values, tuple | list) for values in (at, factors))
    if not lists or len(factors) != len(at) + 1 or list(at) != sorted(set(at)):
        raise KsegError(f"{wanted}. Received: at={at!r}, factors={factors!r}.")
    for value in (*at, *factors):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise KsegError(f"{wanted}, all above 0. Received: {value!r}.")
