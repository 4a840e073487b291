"""The learning-rate range test: a few steps at rates that rise until the loss explodes."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kseg.encoders.matching import Weights
from kseg.machine import Device
from kseg.training import engine, network, starting
from kseg.training.data import TrainingData
from kseg.training.plan import Plan

RATES = np.geomspace(1e-7, 10, 100)
"""A step at each, twelve to a decade: from where nothing moves to what no network bears."""
MOMENTUM = 0.9
EXPLODED = 4
"""The test ends where the smoothed loss is this many times its lowest."""
PART = 1 / 3
"""Of the whole fall of the smoothed loss: where it is done, the loss falls fast."""
FIRST = 10
"""Steps at rates so low that the loss is still that of the beginning."""
NOISE = 0.05
"""A loss that falls by a smaller part of itself has not learned anything."""


@dataclass(frozen=True)
class RateTest:
    """What the loss did while the learning rate rose.

    Attributes:
        rates: The learning rate of each step, float64.
        losses: The loss of each step, float64, before the weights moved.

    Example:
        >>> from kseg.training.rate_test import RateTest
        >>> rates = np.geomspace(1e-5, 1, 60)
        >>> found = RateTest(rates, np.concatenate([np.ones(30), np.linspace(1, 0.1, 30)]))
        >>> bool(1e-2 < found.suggestion < 1e-1)
        True

    References:
        Smith 2017, https://arxiv.org/abs/1506.01186, Section 3.3.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """The running average of the losses, whatever it began with taken out."""
        return np.array(list(smoothed(self.losses)))

    @property
    def suggestion(self) -> float | None:
        """The rate at which a third of the fall of the smoothed loss is done, as a peak.

        The fall leads from the mean of the first ten losses to the lowest smoothed one. `None`
        where the loss does not fall, by a twentieth of itself at least.
        """
        values = self.smoothed
        values = values[np.isfinite(values)]
        if len(values) <= FIRST:
            return None
        start = float(np.mean(self.losses[:FIRST]))
        lowest = FIRST + int(values[FIRST:].argmin())
        fall = start - float(values[lowest])
        if fall < NOISE * abs(start):
            return None
        is_done = values[: lowest + 1] <= start - PART * fall
        return float(self.rates[FIRST + np.argmax(is_done[FIRST:])])


def smoothed(losses: Sequence[float] | np.ndarray, momentum: float = MOMENTUM) -> Iterator[float]:
    """Yield the exponential running average of losses, corrected for its start at 0.

        a <- m a + (1 - m) loss,   s = a / (1 - m^t)

    Args:
        losses: A number per step.
        momentum: m, in [0, 1).

    References:
        Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, Section 3.
    """
    average = 0.0
    for step, loss in enumerate(losses, start=1):
        average = momentum * average + (1 - momentum) * float(loss)
        yield average / (1 - momentum**step)


def rate_test(
    plan: Plan,
    data: TrainingData,
    device: Device,
    on_step: Callable[[], None] = lambda: None,
    start: Weights | None = None,
) -> RateTest:
    """Take steps of a training at rising rates, until the loss explodes.

    Network, batches, loss and optimizer are those of the plan; a step is of as many batches as the
    plan accumulates. What was learned is lost.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
        on_step: Called after each step.
        start: The weights of another network that this one begins with, where they match.
    """
    network.set_seed(plan.seed)
    model, batches, _ = engine.assemble(plan, data, device)
    if start is not None:
        starting.take(model, start)
    losses: list[float] = []
    for step, rate in enumerate(RATES):
        model.optimizer.learning_rate = float(rate)
        found = []
        for number in range(plan.optimizer.accumulate):
            epoch, index = divmod(step * plan.optimizer.accumulate + number, len(batches))
            batches.epoch = epoch
            model.reset_metrics()  # else it is the mean of all so far
            found.append(float(model.train_on_batch(*batches[index], return_dict=True)["loss"]))
        losses.append(sum(found) / len(found))
        on_step()
        if is_exploded(losses):
            break
    return RateTest(RATES[: len(losses)], np.array(losses))


def is_exploded(losses: Sequence[float]) -> bool:
    """Tell whether the smoothed loss is no number any more, or four times its lowest."""
    values = list(smoothed(losses))
    return not math.isfinite(values[-1]) or values[-1] > EXPLODED * min(values)
