"""A training that goes on where it was broken off, to the same weights."""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from kseg.callbacks.snapshot import Snapshot, read_snapshot, write_snapshot
from kseg.errors import KsegError

SHARE = 0.02
"""Keeping the state takes about this part of the time, at most."""
QUICK = 5.0
"""An epoch whose last step is over in so many seconds is waited for when the training is to end."""


class Resumable(Protocol):
    """A callback whose own state is a part of the training's."""

    def get_state(self) -> dict[str, Any]:
        """Return its state: what JSON can hold, and under `arrays` a list of arrays, or nothing."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


@dataclass(frozen=True)
class Position:
    """The step that is next.

    Attributes:
        epoch: Its epoch, from 0.
        step: Its number in the epoch, from 0.
        ended: Whether there is none: the training is over.
    """

    epoch: int = 0
    step: int = 0
    ended: bool = False


class ResumePoint(keras.callbacks.Callback):
    """Keeps on the disk what a training needs to go on, bit for bit.

    The weights, the optimizer's state, the random states of layers, the metrics of the epoch so
    far, and the state of other callbacks: after each epoch, but for short ones, of which many end
    in the time that pays for it; and within long ones. The batches must be a function of epoch and
    step, as those of `data.TrainingBatches` are. It comes last in the list of callbacks.

    Args:
        path: The file; the one before the last is kept beside it.
        parts: Other callbacks whose state is kept, by a name for each.
        minutes: After so many within an epoch the state is kept too.
        note: What must be as it was for the training to go on: anything that JSON can hold.
        clock: Tells the time in seconds.

    References:
        What Keras's `BackupAndRestore` leaves out: the place in the epoch, metrics, the random
        states, and the state of callbacks.
    """

    def __init__(
        self,
        path: str | Path,
        parts: Mapping[str, Resumable] | None = None,
        minutes: float = 5.0,
        note: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.position = Position()
        self.is_stepping = False
        self._has_stepped = False
        self._path = Path(path)
        self._parts = dict(parts or {})
        self._minutes = minutes
        self._note = note
        self._clock = clock
        self._saved = clock()
        self._cost = 0.0
        self._stepped = self._saved
        self._tail = math.inf
        self._is_asked_to_stop = False
        self._metrics: list[np.ndarray] | None = None
        self._before_the_last_step: Snapshot | None = None
        self._kept: Position | None = None

    def restore(
        self, model: keras.Model, prepare: Callable[[Position], None] = lambda position: None
    ) -> Position:
        """Put a compiled and built model, and the parts, into the state of the file.

        Args:
            model: Made as the one was whose state is in the file.
            prepare: Called with the step that is next before anything is put into the model, for
                what must be made as it was there: its metrics' variables, what it trains.

        Returns:
            The step that is next.

        Raises:
            KsegError: The file is missing or damaged, or was made by another network or version.
        """
        snapshot = read_snapshot(self._path)
        if snapshot.facts["note"] != self._note:
            raise KsegError(
                f"The training in {self._path.parent} cannot go on: it was made with "
                f"{snapshot.facts['note']}, and now there are {self._note}."
            )
        parts = snapshot.facts["parts"]
        lacking = [name for name in self._parts if name not in parts]
        if lacking:
            raise KsegError(
                f"The training in {self._path.parent} cannot go on: its state holds no "
                f"{', '.join(lacking)}, as this version of kseg keeps it. Train it again, or go on "
                "with the version that began it."
            )
        position = Position(*snapshot.facts["position"])
        prepare(position)
        _assign(model.variables, snapshot.arrays.get("model", []), self._path)
        _assign(model.optimizer.variables, snapshot.arrays.get("optimizer", []), self._path)
        self._metrics = list(snapshot.arrays.get("metrics", []))
        for name, part in self._parts.items():
            arrays = {"arrays": snapshot.arrays[name]} if name in snapshot.arrays else {}
            part.set_state(dict(parts[name]) | arrays)
        self.position = self._kept = position
        return position

    def stop(self) -> None:
        """End the training after the step that is being taken, and keep its state."""
        self._is_asked_to_stop = True

    def save_what_was_reached(self) -> None:
        """Keep the state before the epoch's last step, where its validation was broken off."""
        if self._before_the_last_step is not None:
            write_snapshot(self._path, self._before_the_last_step)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begin the epoch, or go on in it."""
        if epoch != self.position.epoch:
            self.position = Position(epoch)
        self._before_the_last_step = None
        if self.position.step and self._metrics is not None:
            _assign(self.model.metrics_variables, self._metrics, self._path)
        self._metrics = None
        self.is_stepping = self._has_stepped

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Keep the state, if it is time."""
        self.position = Position(self.position.epoch, self.position.step + 1)
        self._has_stepped = True
        steps = self.params.get("steps")
        is_last = self.model.stop_training or (steps and batch == steps - 1)
        self._stepped = self._clock()
        # No training can go on between the last step of an epoch and its validation.
        is_awaited = is_last and self._tail < QUICK and self._before_the_last_step is None
        self.is_stepping = not is_last or is_awaited
        if self._is_asked_to_stop and not is_awaited:
            if not is_last:
                self.save()
            raise KeyboardInterrupt
        if not is_last and self._stepped - self._saved > 60 * self._minutes:
            self.save()
        if steps and batch == steps - 2 and (self._pays or self._tail >= QUICK):
            self._before_the_last_step = self._snapshot()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep the state after the epoch, if it is time."""
        self.position = Position(epoch + 1, 0, self.model.stop_training)
        tail = self._clock() - self._stepped  # long where the epoch was validated
        self._tail = tail if self._tail == math.inf else max(tail, self._tail)
        if self._pays or self.position.ended or self._is_asked_to_stop:
            self.save()
        self._before_the_last_step = None
        self.is_stepping = False
        if self._is_asked_to_stop:
            raise KeyboardInterrupt

    def on_train_end(self, logs: dict | None = None) -> None:
        """Keep the state after the last epoch."""
        if self._has_stepped and self.position != self._kept:
            self.save()

    def save(self) -> None:
        """Keep the state as it is now."""
        started = self._clock()
        write_snapshot(self._path, self._snapshot())
        self._kept = self.position
        self._saved = self._clock()
        self._cost = self._saved - started

    @property
    def _pays(self) -> bool:
        """Whether the time since the state was kept is long beside the time that it takes."""
        return self._clock() - self._saved >= self._cost / SHARE

    def _snapshot(self) -> Snapshot:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        arrays = {
            "model": _values(self.model.variables),
            "optimizer": _values(self.model.optimizer.variables),
            "metrics": _values(self.model.metrics_variables),
        }
        facts = {}
        for name, part in self._parts.items():
            state = copy.deepcopy(part.get_state())
            if "arrays" in state:
                arrays[name] = [np.array(array) for array in state.pop("arrays")]
            facts[name] = state
        position = (self.position.epoch, self.position.step, self.position.ended)
        return Snapshot({"position": position, "note": self._note, "parts": facts}, arrays)


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: list[keras.Variable], values: Sequence[np.ndarray], path: Path) -> None:
    shapes = [tuple(variable.shape) for variable in variables]
    if [value.shape for value in values] != shapes:
        raise KsegError(f"{path} was made by another network than the one that is to go on.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
