"""The best and the last epoch, on the disk."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from kseg import _files
from kseg.callbacks.monitor import Record, merit, monitored
from kseg.models.supervision import DeeplySupervised


class Checkpoint(keras.callbacks.Callback):
    """Saves the model after each epoch, and apart from it the best one; files are never half there.

    An epoch whose loss, of training or of validation, is not finite is not saved.

    Args:
        best: Path of the best epoch's model.
        last: Path of the last epoch's model.
        monitor: The log to look at, the higher the better, but for one that ends in "loss".
        above: The monitored value that an epoch must exceed to be kept as the best one, or stay
            below where it is a loss; `None` for any.
        export: Function from the training model to the one to save; by default the same.
        heads: Path of the best epoch's model with all heads, if it is deeply supervised, whose
            other files hold the final head alone.

    Attributes:
        best_epoch: The best epoch, from 1; `None` where none was kept.
        record: The best epoch, kept or not, and how good it was.

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
        above: float | None = None,
        export: Callable[[keras.Model], keras.Model] = lambda model: model,
        heads: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.best_epoch: int | None = None
        self.record = Record()
        self._best, self._last = Path(best), Path(last)
        self._monitor = monitor
        self._least = -math.inf if above is None else merit(monitor, above)
        self._export = export
        self._heads = Path(heads) if heads is not None else None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Save the epoch, numbered from 1."""
        losses = [value for name, value in (logs or {}).items() if name in ("loss", "val_loss")]
        if not all(map(math.isfinite, losses)):
            return
        value = monitored(self._monitor, logs)
        is_better = value is not None and self.record.is_beaten(epoch + 1, value)
        if is_better and self.record.merit > self._least or self._takes_any:
            self.best_epoch = epoch + 1
            self.save(self._best, self._last)
        else:
            self.save(self._last)

    @property
    def _takes_any(self) -> bool:
        """Whether the epoch is kept however good it is: there is none yet, and no threshold."""
        return self.best_epoch is None and self._least == -math.inf

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"best_epoch": self.best_epoch, "record": self.record.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best_epoch = state["best_epoch"]
        self.record.set_state(state["record"])

    def save(self, *paths: Path) -> None:
        """Save the model as it is now."""
        model = self._export(self.model)
        first, *others = paths
        with _files.atomic(first) as temporary:
            model.save(temporary)
        for path in others:
            with _files.atomic(path) as temporary:
                shutil.copyfile(first, temporary)
        if self._heads and self._best in paths and isinstance(model, DeeplySupervised):
            with _files.atomic(self._heads) as temporary:
                model.all_heads.save(temporary)
