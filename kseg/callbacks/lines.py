"""The history of a training as lines of JSON, for programs to read."""

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from kseg import _files
from kseg.callbacks.classes import is_validated, validation_iou


class HistoryLines(keras.callbacks.Callback):
    """Writes a file of JSON with one object per line and epoch.

    An object holds `epoch` from 1, `seconds` and `images` since the training began (the time in
    which it was broken off left out), `learning_rate`, all logs, and after a validation `val_iou`,
    the IoU by the name of the class. What is not finite is `null`: a class without a score, a loss
    that exploded. Behind `WeightAverage` in the list of callbacks, all of it belongs to the network
    that is kept.

    The file is written anew, and whole, after each epoch: a training that was broken off between
    the line and its state would else write the line twice.

    Args:
        path: The file.
        classes: Names of the classes; without them there is no `val_iou`.
        batch_size: Images per step; without it there is no `images`.
        clock: Tells the time in seconds.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> lines = kseg.callbacks.HistoryLines(Path("history.jsonl"), clock=lambda: 0.0)
        >>> _ = model.fit(np.zeros((4, 1)), np.zeros(4), epochs=2, verbose=0, callbacks=[lines])
        >>> print(Path("history.jsonl").read_text().splitlines()[1])
        {"epoch": 2, "seconds": 0.0, "learning_rate": 0.01, "loss": 0.0}
    """

    def __init__(
        self,
        path: str | Path,
        classes: Sequence[str] = (),
        batch_size: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._classes = tuple(classes)
        self._batch_size = batch_size
        self._clock = clock
        self._lines: list[dict[str, Any]] = []
        self._steps = 0
        self._start: float | None = None

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"lines": self._lines, "steps": self._steps, "seconds": self._elapsed()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there, as if no time had passed."""
        self._lines, self._steps = list(state["lines"]), state["steps"]
        self._start = self._clock() - state["seconds"]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock."""
        if self._start is None:
            self._start = self._clock()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Count the step."""
        self._steps += 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's line."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        line: dict[str, Any] = {"epoch": epoch + 1, "seconds": round(self._elapsed(), 3)}
        if self._batch_size is not None:
            line["images"] = self._steps * self._batch_size
        line["learning_rate"] = _number(rate)
        line |= {name: _number(value) for name, value in (logs or {}).items()}
        if self._classes and is_validated(logs):
            scores = validation_iou(self.model, self._classes)
            line["val_iou"] = {name: _number(score) for name, score in scores.items()}
        self._lines.append(line)
        text = "".join(
            f"{json.dumps(one, allow_nan=False, ensure_ascii=False)}\n" for one in self._lines
        )
        _files.write_text(self._path, text)

    def _elapsed(self) -> float:
        return 0.0 if self._start is None else self._clock() - self._start


def _number(value: Any) -> float | None:
    """Return a number in the digits that the table of the history has; `None` if not finite."""
    number = float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None
