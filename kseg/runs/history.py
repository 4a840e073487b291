"""The history of a run, written and read again."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kseg import _files
from kseg.errors import KsegError


def read_history(path: Path) -> dict[str, np.ndarray]:
    """Read what `callbacks.HistoryFile` wrote.

    Returns:
        Float64 columns by name, NaN where an epoch has no value.

    Raises:
        KsegError: The file is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = rows[0].keys() if rows else ()
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    except FileNotFoundError:
        raise KsegError(f"{path} is missing: no epoch of the training was whole.") from None
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise KsegError(f"{path} is damaged ({error}). Train the run again.") from None


def read_class_iou(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the validated IoU of each class from what `callbacks.HistoryLines` wrote.

    Args:
        path: The file of JSON lines.
        names: The classes.

    Returns:
        Float64 columns by class, a value per epoch, NaN where it has none; nothing where there is
        no such file, or no class was scored.

    Raises:
        KsegError: The file is damaged.
    """
    if not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        scores = [json.loads(line).get("val_iou", {}) for line in lines]
        columns = {name: np.array([_number(score.get(name)) for score in scores]) for name in names}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise KsegError(f"{path} is damaged ({error}). Train the run again.") from None
    return columns if any(scores) else {}


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def write_done(path: Path, done: Sequence[float]) -> None:
    """Write how much of a training was done before each of its steps, exactly."""
    _files.write_text(path, "".join(f"{value!r}\n" for value in done))


def read_done(path: Path) -> list[float]:
    """Read what `write_done` wrote.

    Raises:
        KsegError: The file is missing or damaged.
    """
    try:
        done = [float(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise KsegError(f"{path} cannot be read ({error}). Give minutes= anew.") from None
    if not done or done != sorted(done) or not 0 <= done[0] <= done[-1] <= 1:
        raise KsegError(f"{path} must hold rising numbers from 0 to 1. Give minutes= anew.")
    return done
