"""The history of a training as a table on the disk."""

import csv
from pathlib import Path

import keras

from kseg import _files


class HistoryFile(keras.callbacks.Callback):
    """Writes a CSV with one row per epoch: epoch from 1, learning rate, and the logs.

    Args:
        path: The file, written anew, and whole, after each epoch.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._rows: list[dict] = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's row."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        values = {name: f"{float(value):.6g}" for name, value in (logs or {}).items()}
        self._rows.append({"epoch": epoch + 1, "learning_rate": f"{rate:.6g}", **values})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with _files.atomic(self._path) as temporary, temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            table.writerows(self._rows)
