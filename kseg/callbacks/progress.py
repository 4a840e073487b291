"""A live bar on a terminal, one line per epoch anywhere else."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

UNBOUND = 10**9
"""Epochs that are not counted: something else ends the training."""


class Progress(keras.callbacks.Callback):
    """Shows epoch, step, loss and the mean IoU of validation while a model is fitted.

    Use it with `model.fit(..., verbose=0)`.

    Args:
        console: Where to write.
        is_live: Whether a bar moves there; by default on a terminal alone.
    """

    def __init__(self, console: Console, is_live: bool | None = None) -> None:
        super().__init__()
        self._console = console
        self._is_live = console.is_terminal if is_live is None else is_live
        self._bar: Bar | None = None
        self._note = ""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock and the bar."""
        self._start = time.monotonic()
        if self._is_live:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TaskProgressColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("starting", total=1.0, note="")
            self._bar.start()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Name the epoch."""
        self._epoch = epoch + 1
        if self._bar:
            self._bar.update(self._task, description=self._title())

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the bar."""
        if self._bar:
            logs = logs or {}
            steps = self.params["steps"] or 1
            by_steps = ((self._epoch - 1) * steps + batch + 1) / (self.params["epochs"] * steps)
            loss = f"loss {float(logs.get('loss', 0)):.3f}"
            done = logs.get("done", by_steps)
            self._bar.update(self._task, completed=done, note=f"{loss}{self._note}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write the epoch's line."""
        logs = logs or {}
        parts = [f"{self._title()}  loss {logs.get('loss', float('nan')):.3f}"]
        if "val_loss" in logs:
            parts.append(f"val loss {logs['val_loss']:.3f}")
        if "val_mean_iou" in logs:
            self._note = f"  val mean IoU {logs['val_mean_iou']:.3f}"
            parts.append(self._note.strip())
        parts.append(f"{time.monotonic() - self._start:.0f} s")
        self._console.print("  ".join(parts), highlight=False)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Take the bar away, also where a training was broken off."""
        if self._bar:
            self._bar.stop()

    def _title(self) -> str:
        epochs = self.params["epochs"]
        return f"epoch {self._epoch}" if epochs >= UNBOUND else f"epoch {self._epoch}/{epochs}"
