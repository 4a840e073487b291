"""The history of a run, read again."""

import csv
from pathlib import Path

import numpy as np

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
