"""The best and the last epoch, on the disk."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from kseg import _files
from kseg.models.supervision import DeeplySupervised


class Checkpoint(keras.callbacks.Callback):
    """Saves the model after each epoch, and apart from it the best one; files are never half there.

    Args:
        best: Path of the best epoch's model.
        last: Path of the last epoch's model.
        monitor: The log to maximise.
        export: Function from the training model to the one to save; by default the same.
        heads: Path of the best epoch's model with all heads, if it is deeply supervised, whose
            other files hold the final head alone.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> best, last = Path("best.keras"), Path("last.keras")
        >>> saver = kseg.callbacks.Checkpoint(best, last, monitor="loss")
        >>> _ = model.fit(np.zeros((4, 1)), np.zeros(4), epochs=2, verbose=0, callbacks=[saver])
        >>> saver.best_epoch, best.exists()
        (1, True)
    """

    def __init__(
        self,
        best: str | Path,
        last: str | Path,
        monitor: str = "val_mean_iou",
        export: Callable[[keras.Model], keras.Model] = lambda model: model,
        heads: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.best_epoch: int | None = None
        self.best_value = float("-inf")
        self._best, self._last = Path(best), Path(last)
        self._monitor = monitor
        self._export = export
        self._heads = Path(heads) if heads is not None else None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Save the epoch, numbered from 1."""
        value = (logs or {}).get(self._monitor, float("nan"))
        value = float("-inf") if math.isnan(value) else value
        if self.best_epoch is None or value > self.best_value:
            self.save(self._best, self._last)
            self.best_epoch, self.best_value = epoch + 1, value
        else:
            self.save(self._last)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"best_epoch": self.best_epoch, "best_value": self.best_value}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best_epoch, self.best_value = state["best_epoch"], state["best_value"]

    def save(self, *paths: Path) -> None:
        """Save the model as it is now."""
        model = self._export(self.model)
        for path in paths:
            with _files.atomic(path) as temporary:
                model.save(temporary)
        if self._heads and self._best in paths and isinstance(model, DeeplySupervised):
            with _files.atomic(self._heads) as temporary:
                model.all_heads.save(temporary)
