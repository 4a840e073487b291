"""Run folders: made, held by one process, replaced once the new one is whole, cleaned."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from kseg import _files
from kseg.errors import ArgumentError, KsegError
from kseg.runs.run import Run

UNFINISHED = ".unfinished"
"""Behind the name of a run: the training that is to replace it, until it is whole."""
LOCK = ".lock"


def check_name(name: str, runs: Path, *, overwrite: bool | None = None) -> str:
    """Return the name of a new run if it is valid and free.

    Args:
        name: The name.
        runs: Folder that holds the runs.
        overwrite: Whether a run of that name may be replaced; `None` where none ever is.

    Raises:
        ArgumentError: It is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) or name.endswith(UNFINISHED):
        raise ArgumentError(
            "name= must be of letters, digits, dots, dashes and underscores, and not end in "
            f"{UNFINISHED}. Received: '{name}'."
        )
    if (runs / name).exists() and not overwrite:
        run = Run(runs / name)
        other = "" if overwrite is None else ", or replace that run by overwrite=True"
        if overwrite is False and run.resume_file.exists():
            other += f', or go on with it: kseg.resume("{run.path}")'
        raise ArgumentError(f"{run.path} exists. Choose another name={other}.")
    return name


def free_name(runs: Path, wish: str) -> str:
    """Return `wish`, or the first of `wish-2`, `wish-3`, ... that no run bears yet."""
    number, name = 1, wish
    while (runs / name).exists():
        number += 1
        name = f"{wish}-{number}"
    return name


@contextlib.contextmanager
def new_run(
    runs: Path, name: str, *, overwrite: bool = False, numbered: bool = False
) -> Iterator[Run]:
    """Make the folder of a new run, hold it, and remove it if it ends with nothing to keep.

    A run that is to be replaced stays where it is: the new one is made beside it, in a folder of
    its name and `UNFINISHED`, and takes its place when all went well.

    Args:
        runs: Folder that holds the runs.
        name: Name of the run.
        overwrite: Whether a run of that name may be replaced.
        numbered: Whether another name with a number will do, where another process takes this one.

    Raises:
        KsegError: There is a run of that name, another process works in its folder, or it cannot be
            written.
    """
    if not (overwrite and (runs / name).exists()):
        with _made(runs, name, numbered) as run, held(run):
            yield from _kept(run)
        return
    old = Run(runs / name)
    with held(old):
        unfinished = Run(runs / f"{name}{UNFINISHED}")
        with held(unfinished) if unfinished.path.exists() else contextlib.nullcontext():
            shutil.rmtree(unfinished.path, ignore_errors=True)
        with _made(runs, unfinished.name) as run, held(run):
            yield from _kept(run)
        replace(old)


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """Keep other processes out of a run's folder; it is free again when this one ends, or dies.

    Raises:
        KsegError: Another process works in it.
    """
    lock = FileLock(run.path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise KsegError(
            f"Another process works in {run.path}. Wait for its end, or choose another name=."
        ) from None
    except OSError as error:
        raise KsegError(f"{run.path} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        (run.path / LOCK).unlink(missing_ok=True)
        lock.release()


def unfinished(run: Run) -> Run:
    """Return the training that is to replace a run, where there is one, or else the run itself."""
    other = Run(run.path.with_name(f"{run.name}{UNFINISHED}"))
    return other if other.path.exists() else run


def replace(old: Run) -> None:
    """Put the run that was made to replace another one in its place, if there is one."""
    new, aside = unfinished(old), _aside(old.path)
    if new == old:
        return
    shutil.rmtree(aside, ignore_errors=True)
    old.path.rename(aside)
    new.path.rename(old.path)
    shutil.rmtree(aside, ignore_errors=True)


def tidy(runs: Path) -> list[Path]:
    """Finish what killed processes began in the folder of runs; return what was removed.

    A replacement that was all but done is done. What holds neither a model nor the state of a
    training, and the lock of a process that is dead, is removed; so are half-written files.
    """
    for aside in runs.glob(".*.replaced"):
        target = runs / aside.name.removeprefix(".").removesuffix(".replaced")
        new = unfinished(Run(target))
        if not target.exists():
            (new.path if new.path.exists() else aside).rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    removed = []
    for lock in runs.glob(f"*/{LOCK}"):
        run = Run(lock.parent)
        with contextlib.suppress(KsegError), held(run):
            for file in run.path.rglob(f"{_files.PREFIX}*"):
                file.unlink()
            if not is_worth_keeping(run):
                shutil.rmtree(run.path)
                removed.append(run.path)
    return removed


def is_worth_keeping(run: Run) -> bool:
    """Tell whether a run has a model, or a state to go on from."""
    return run.model_file.exists() or run.resume_file.exists()


@contextlib.contextmanager
def _made(runs: Path, name: str, numbered: bool = False) -> Iterator[Run]:
    while True:
        run = Run(runs / (free_name(runs, name) if numbered else name))
        try:
            run.path.mkdir(parents=True)
            break
        except FileExistsError:
            if not numbered:
                check_name(name, runs, overwrite=False)
        except OSError as error:
            raise KsegError(
                f"{run.path} cannot be made: {error.strerror}. Choose a folder that you may write "
                "to by runs=."
            ) from error
    yield run


def _kept(run: Run) -> Iterator[Run]:
    """Yield a run; remove it where it ends in an error with nothing to keep, or with no model."""
    try:
        yield run
    finally:
        if not is_worth_keeping(run):
            shutil.rmtree(run.path, ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")
