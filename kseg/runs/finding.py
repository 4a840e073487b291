"""Runs by their names: found, named, made, replaced."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from kseg.errors import ArgumentError, KsegError
from kseg.runs.run import Run


def open_run(run: str | Path | Run | None = None, runs: str | Path = "saved_models") -> Run:
    """Find a run by its name or path; the newest one where none is named.

    Args:
        run: Name or path.
        runs: Folder that holds the runs.

    Raises:
        KsegError: There is no such run.

    Example:
        >>> run = kseg.open_run("unetpp-my_data")
        >>> run.recipe.model.arch, run.epochs
        ('unetpp', 1)
    """
    if isinstance(run, Run):
        return run
    root = Path(runs)
    if run is not None:
        for folder in (root / run, Path(run)):
            if (folder / "model.keras").is_file():
                return Run(folder)
        there = ", ".join(sorted(path.name for path in _runs(root))) or "none"
        raise KsegError(f"There is no run '{run}' in {root}. Runs there: {there}.")
    return Run(max(_some_runs(root), key=_age))


def open_run_of_heads(run: str | Path | Run | None, runs: str | Path) -> Run:
    """Find a run as `open_run` does; where none is named, the newest of several heads, if any."""
    if run is not None:
        return open_run(run, runs)
    there = _some_runs(Path(runs))
    several = [path for path in there if Run(path).heads_file.is_file()]
    return Run(max(several or there, key=_age))


def check_name(name: str, runs: Path, *, overwrite: bool | None = None) -> str:
    """Return the name of a new run if it is valid and free.

    Args:
        name: The name.
        runs: Folder that holds the runs.
        overwrite: Whether a run of that name may be replaced; `None` where none ever is.

    Raises:
        ArgumentError: It is not.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise ArgumentError(
            f"name= must be of letters, digits, dots, dashes and underscores. Received: '{name}'."
        )
    if (runs / name).exists() and not overwrite:
        other = "" if overwrite is None else ", or replace that run by overwrite=True"
        raise ArgumentError(f"{runs / name} exists. Choose another name={other}.")
    return name


def free_name(runs: Path, wish: str) -> str:
    """Return `wish`, or the first of `wish-2`, `wish-3`, ... that no run bears yet."""
    number, name = 1, wish
    while (runs / name).exists():
        number += 1
        name = f"{wish}-{number}"
    return name


@contextlib.contextmanager
def new_run(runs: Path, name: str, *, overwrite: bool = False) -> Iterator[Run]:
    """Make the folder of a new run, and remove it again if it ends without a model.

    A run that is to be overwritten is set aside, and comes back if the new one fails.

    Raises:
        KsegError: There is a run of that name, or the folder cannot be written.
    """
    run = Run(runs / name)
    aside = _set_aside(run.path) if overwrite else None
    check_name(name, runs, overwrite=False)
    try:
        try:
            run.path.mkdir(parents=True)
        except OSError as error:
            raise KsegError(
                f"{run.path} cannot be made: {error.strerror}. Choose a folder that you may write "
                "to by runs=."
            ) from error
        yield run
    finally:
        _settle(run, aside)


def is_worth_keeping(run: Run, *, replaces: bool) -> bool:
    """Tell whether a new run has a model and, to replace another one, a whole epoch too."""
    return run.model_file.exists() and (not replaces or run.history_file.exists())


def _runs(root: Path) -> list[Path]:
    return [path.parent for path in root.glob("*/model.keras") if path.parent.name[0] != "."]


def _some_runs(root: Path) -> list[Path]:
    found = _runs(root)
    if not found:
        raise KsegError(
            f'No trained run in {root}. Train one first: kseg.train(arch="unet", data="FOLDER") '
            "(without data it learns built-in shapes)."
        )
    return found


def _age(path: Path) -> float:
    return (path / "model.keras").stat().st_mtime


def _set_aside(folder: Path) -> Path | None:
    """Rename a run that is to be replaced; return where it lies.

    One that already lies there was left by a process that was killed: it is the good one unless the
    run that was to replace it got through an epoch.
    """
    aside = folder.with_name(f".{folder.name}.replaced")
    if aside.exists() and not Run(folder).history_file.exists():
        shutil.rmtree(folder, ignore_errors=True)
        return aside
    if not folder.exists():
        return None
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def _settle(run: Run, aside: Path | None) -> None:
    """Keep a new run that is worth it; otherwise remove it and put the one set aside back."""
    if is_worth_keeping(run, replaces=aside is not None):
        if aside is not None:
            shutil.rmtree(aside)
        return
    shutil.rmtree(run.path, ignore_errors=True)
    if aside is not None:
        aside.rename(run.path)
