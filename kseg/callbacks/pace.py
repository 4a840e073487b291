"""How far a training is: by its steps, by the clock, or as an earlier one was."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras


class Pace(Protocol):
    """How much of a training is done."""

    def before(self, step: int) -> float:
        """Return how much is done before a step, numbered from 0: rising, from 0; 1 is the end."""


class BySteps:
    """Each step is an equal part of the training.

    Args:
        steps: Steps in all.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def before(self, step: int) -> float:
        """Return how much is done before a step."""
        return min(step / self._steps, 1.0)


class ByClock(keras.callbacks.Callback):
    """The training ends in time, however fast its steps are: what is done is what has passed.

    A machine whose speed halves in the middle does fewer steps, and its learning rate falls to its
    end all the same. It is a callback too, the first of the list, to see how long an epoch takes
    after its last step: the time for that is kept free at the end.

    Args:
        seconds: From the first step to the end of the last epoch.
        afterwards: Seconds that an epoch takes after its last step, until it has been seen.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        seconds: float,
        afterwards: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._seconds = seconds
        self._afterwards = afterwards
        self._clock = clock
        self._start: float | None = None
        self._stepped: float | None = None

    def before(self, step: int) -> float:
        """Return how much is done before a step."""
        now = self._clock()
        if self._start is None:
            self._start = now
        free = self._seconds - self._afterwards
        return min((now - self._start) / free, 1.0) if free > 0 else float(step > 0)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note when the last step ended."""
        self._stepped = self._clock()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """See how long the epoch before took after its last step."""
        if self._stepped is not None:
            self._afterwards = max(self._afterwards, self._clock() - self._stepped)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        elapsed = 0.0 if self._start is None else self._clock() - self._start
        return {"elapsed": elapsed, "afterwards": self._afterwards}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there, as if no time had passed."""
        self._start = self._clock() - state["elapsed"]
        self._afterwards = state["afterwards"]


class AsBefore:
    """What was done before each step of an earlier training, to do the same again.

    Args:
        done: A number in [0, 1) per step.
    """

    def __init__(self, done: Sequence[float]) -> None:
        self._done = done

    def before(self, step: int) -> float:
        """Return how much is done before a step."""
        return self._done[step] if step < len(self._done) else 1.0
