"""All that a training needs to go on, in one file that is whole or is not there."""

import json
import os
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kseg import _files
from kseg.errors import KsegError


@dataclass(frozen=True)
class Snapshot:
    """The state of a training between two steps.

    Attributes:
        facts: What is no array: numbers, texts, lists and maps of them.
        arrays: Lists of arrays by what they belong to.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, Sequence[np.ndarray]]


def previous(path: Path) -> Path:
    """Return where the snapshot before the one at `path` lies."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot beside the last one, read it back, and only then let it take its place.

    Args:
        path: The file; the one that stood there goes to `previous(path)`.
        snapshot: What is written.

    Raises:
        OSError: The disk is full, or gives back something else; what stood there is as it was.
    """
    facts = np.frombuffer(json.dumps(snapshot.facts).encode(), np.uint8)
    arrays: dict[str, Any] = {
        f"{name}.{index}": array
        for name, several in snapshot.arrays.items()
        for index, array in enumerate(several)
    }
    with _files.atomic(path, keep=previous(path)) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, facts=facts, **arrays)
            file.flush()
            os.fsync(file.fileno())
        if _damage(temporary):
            raise OSError(None, "the disk gives back something else than what was written")


def read_snapshot(path: Path) -> Snapshot:
    """Read the last snapshot; where it is damaged, the one before, with a warning.

    Raises:
        KsegError: Neither is whole.
    """
    reasons: list[str] = []
    for place in (path, previous(path)):
        reason = _damage(place)
        if not reason:
            if reasons and path.exists():
                warnings.warn(f"{reasons[0]} Going on from the one before.", stacklevel=2)
            return _read(place)
        reasons.append(f"{place} {reason}.")
    raise KsegError(f"The training cannot go on: {' '.join(reasons)} Train it again.")


def remove_snapshot(path: Path) -> None:
    """Remove a snapshot and the one before it: there is nothing left to go on with."""
    for place in (path, previous(path)):
        place.unlink(missing_ok=True)


def _damage(path: Path) -> str:
    """Say what is wrong with a file; "" where it is whole, down to the check sums of its parts."""
    try:
        with zipfile.ZipFile(path) as file:
            wrong = file.testzip()
            if wrong is not None:
                return f"is damaged ({wrong})"
            return "" if "facts.npy" in file.namelist() else "is damaged (it holds no facts)"
    except FileNotFoundError:
        return "is missing"
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        return f"is damaged ({error})"


def _read(path: Path) -> Snapshot:
    arrays: dict[str, list[np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as content:
        facts = json.loads(content["facts"].tobytes())
        for key in content.files:
            name, dot, _ = key.rpartition(".")
            if dot:  # in the order in which they were written
                arrays.setdefault(name, []).append(content[key])
    return Snapshot(facts, arrays)
