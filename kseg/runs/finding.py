"""Runs by their names."""

import re
from collections.abc import Sequence
from pathlib import Path

from kseg.errors import ArgumentError, KsegError
from kseg.runs.cross_validation import CrossValidation
from kseg.runs.making import UNFINISHED, unfinished
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


def open_runs(
    run: str | Path | Run | CrossValidation | Sequence[str | Path | Run] | None,
    runs: str | Path = "saved_models",
) -> tuple[Run, ...]:
    """Find the runs of an ensemble: several, the folds of one recipe, or a single one.

    Args:
        run: As `open_run` takes it; or several; or folds, by what `kseg.cross_validate` returned or
            by the name that theirs begin with.
        runs: Folder that holds the runs.

    Raises:
        ArgumentError: They know different classes, or images of different channels.
        KsegError: There is no such run.

    Example:
        >>> from kseg.runs.finding import open_runs
        >>> [run.name for run in open_runs(["unetpp-my_data", "unetpp-my_data"])]
        ['unetpp-my_data', 'unetpp-my_data']
    """
    if isinstance(run, CrossValidation):
        return run.runs
    if run is None or isinstance(run, str | Path | Run):
        folds = _folds(run, Path(runs))
        return folds or (open_run(run, runs),)
    found = tuple(one for each in run for one in open_runs(each, runs))
    if not found:
        raise ArgumentError("An ensemble takes one run at least. Received none.")
    first = found[0]
    for other in found[1:]:
        alike = first.labels.names == other.labels.names
        if not alike or first.recipe.data.channels != other.recipe.data.channels:
            raise ArgumentError(
                f"Runs that are taken together must know the same classes, and images of as many "
                f"channels. {first.name} knows {_known(first)}; {other.name} {_known(other)}."
            )
    return found


def _folds(run: str | Path | Run | None, root: Path) -> tuple[Run, ...]:
    """Return the folds whose names begin with a name, where no run has that name itself."""
    if run is None or isinstance(run, Run):
        return ()
    summary = root / f"{run}-folds.json"
    if (root / run / "model.keras").is_file() or not summary.is_file():
        return ()
    found = [
        path for path in _runs(root) if re.fullmatch(rf"{re.escape(str(run))}-fold\d+", path.name)
    ]
    return tuple(map(Run, sorted(found, key=lambda path: int(path.name.rpartition("fold")[2]))))


def _known(run: Run) -> str:
    return f"{', '.join(run.labels.names)}, and {run.recipe.data.channels} channels"


def open_run_of_heads(run: str | Path | Run | None, runs: str | Path) -> Run:
    """Find a run as `open_run` does; where none is named, the newest of several heads, if any."""
    if run is not None:
        return open_run(run, runs)
    there = _some_runs(Path(runs))
    several = [path for path in there if Run(path).heads_file.is_file()]
    return Run(max(several or there, key=_age))


def open_unfinished(run: str | Path | Run, runs: str | Path) -> Run:
    """Find a training that was broken off, by the name or path of its run.

    Raises:
        ArgumentError: There is none.
    """
    root = Path(runs)
    places = [run.path] if isinstance(run, Run) else [root / run, Path(run)]
    for place in map(unfinished, map(Run, places)):
        if place.resume_file.exists() or place.model_file.exists():
            return place
    there = [path.parent.name.removesuffix(UNFINISHED) for path in root.glob("*/resume.npz")]
    listed = ", ".join(sorted(there)) or "none"
    raise ArgumentError(f"There is no run '{run}' in {root}. Trainings to go on with: {listed}.")


def _runs(root: Path) -> list[Path]:
    found = [path.parent for path in root.glob("*/model.keras")]
    return [path for path in found if path.name[0] != "." and path.suffix != UNFINISHED]


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
