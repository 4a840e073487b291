"""Runs by their names."""

from pathlib import Path

from kseg.errors import ArgumentError, KsegError
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
