"""The learning rate, set at each step by how much of the training is done."""

import math
from collections.abc import Callable
from typing import Any

import keras

from kseg import machine
from kseg.callbacks.pace import ByClock, Pace

LAST = math.nextafter(1, 0)
"""The most that is done before a step: at 1 there is none."""


class LearningRate(keras.callbacks.Callback):
    """Sets the learning rate before each step, and ends the training when all is done.

        rate = schedule(t * steps) * factor,   t: how much is done, in [0, 1)

    A schedule given to the optimizer is traced into its step: nothing can change it later. Here the
    rate is a variable, which a callback may scale by `factor` when something happens.

    Args:
        schedule: From a step to a rate, such as a `LearningRateSchedule` of Keras.
        steps: The steps for which the schedule was made.
        pace: How much is done before each step.

    It tells callbacks behind it in the list how far the training is, by `done` in the logs of a
    step, and the rate by `learning_rate` in those of an epoch.

    Attributes:
        factor: What every rate is multiplied by, 1 at first.
        done: What was done before each step so far.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> falling = keras.optimizers.schedules.PolynomialDecay(1.0, 4)
        >>> rate = kseg.callbacks.LearningRate(falling, 4, kseg.callbacks.BySteps(4))
        >>> fit = dict(batch_size=1, epochs=2, verbose=0, callbacks=[rate])
        >>> model.fit(np.zeros((2, 1)), np.zeros(2), **fit).history["learning_rate"]
        [0.75..., 0.25...]
    """

    def __init__(self, schedule: Callable[[float], object], steps: int, pace: Pace) -> None:
        super().__init__()
        self.factor = 1.0
        self.done: list[float] = []
        is_of_keras = isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
        self._schedule = machine.compiled(schedule) if is_of_keras else schedule
        self._steps = steps
        self._pace = pace
        self._next: float | None = None
        self._is_resumed = False

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Set the rate of the step."""
        done = self._pace.before(len(self.done)) if self._next is None else self._next
        done = min(done, LAST)
        self.done.append(done)
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        rate = keras.ops.convert_to_numpy(self._schedule(done * self._steps))
        self.model.optimizer.learning_rate = self.factor * float(rate)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """End the training when all is done."""
        self._next = self._pace.before(len(self.done))
        if self._next >= 1:
            self.model.stop_training = True
        if logs is not None:
            logs["done"] = self._next

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Look at the pace anew: something else took time."""
        if not self._is_resumed:
            self._next = None
        self._is_resumed = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Note the rate; end the training if what followed the last step took all the time."""
        if self._pace.before(len(self.done)) >= 1:
            self.model.stop_training = True
        if logs is not None:
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            logs["learning_rate"] = float(rate)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"factor": self.factor, "done": self.done, "next": self._next}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there; what counts steps tells anew, for there may be more of them now."""
        self.factor, self.done = state["factor"], list(state["done"])
        self._next = state["next"] if isinstance(self._pace, ByClock) else None
        self._is_resumed = True

    @property
    def expected_steps(self) -> float:
        """Steps in all, by the pace of those so far."""
        before = self.done[-1] if self.done else 0.0  # recorded, so that a training again has it
        return (len(self.done) - 1) / before if before else float(self._steps)
