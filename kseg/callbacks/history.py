"""The history of a training as a table on the disk."""

import csv
from pathlib import Path
from typing import Any

import keras

from kseg import _files


class HistoryFile(keras.callbacks.Callback):
    """Writes a CSV with one row per epoch: epoch from 1, learning rate, and the logs.

    Args:
        path: The file, written anew, and whole, after each epoch.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> table = kseg.callbacks.HistoryFile(Path("history.csv"))
        >>> _ = model.fit(np.zeros((4, 1)), np.zeros(4), epochs=2, verbose=0, callbacks=[table])
        >>> Path("history.csv").read_text().split()
        ['epoch,learning_rate,loss', '1,0.01,0', '2,0.01,0']
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._rows: list[dict] = []

    @property
    def epochs(self) -> int:
        """The whole epochs so far."""
        return len(self._rows)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"rows": self._rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._rows = list(state["rows"])

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
