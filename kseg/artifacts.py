"""`saved_models/NAME`: everything that a run leaves behind."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kseg.errors import KsegError
from kseg.inference.predictor import Predictor
from kseg.labels import Labels, read_labels
from kseg.models import catalog
from kseg.recipes import Recipe, read_recipe


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def model(self) -> Path:
        """The model of the best epoch."""
        return self.path / "model.keras"

    @property
    def last_model(self) -> Path:
        """The model of the last epoch."""
        return self.path / "last.keras"

    @property
    def heads(self) -> Path:
        """The model of the best epoch with all its heads, where it is deeply supervised."""
        return self.path / "heads.keras"

    @property
    def augmentation(self) -> Path:
        """The augmentation, as albumentations reads it."""
        return self.path / "augmentation.yaml"

    @property
    def skipped(self) -> Path:
        """Pairs that were passed over, and why."""
        return self.path / "skipped.json"

    @property
    def splits(self) -> Path:
        """What was decided on the data, and which pairs were split off."""
        return self.path / "splits.json"

    def read_splits(self) -> dict[str, list[str]]:
        """Read the names of the pairs that were split off."""
        if not self.splits.exists():
            return {}
        return json.loads(self.splits.read_text(encoding="utf-8"))["split_off"]

    @property
    def recipe(self) -> Path:
        """What makes the run again."""
        return self.path / "recipe.yaml"

    @property
    def classes(self) -> Path:
        """Class names and colours."""
        return self.path / "classes.json"

    @property
    def history(self) -> Path:
        """Losses and scores an epoch."""
        return self.path / "history.csv"

    @property
    def scores(self) -> Path:
        """Scores of the best epoch on the validation split."""
        return self.path / "scores.json"

    def read_labels(self) -> Labels:
        """Read the classes."""
        return read_labels(self.classes)

    def read_recipe(self) -> Recipe:
        """Read the recipe."""
        return read_recipe(self.recipe)

    def open_predictor(self) -> Predictor:
        """Load the model of the best epoch for prediction, and prove that it fits the classes.

        Raises:
            KsegError: The model file is damaged, or its classes are not the run's.
        """
        from kseg.inference.engines import keras_engine, load_model

        model = load_model(self.model)
        classes, expected = model.output_shape[-1], len(self.read_labels())
        if max(classes, 2) != expected:
            raise KsegError(
                f"{self.model} gives {classes} classes, but {self.classes} names {expected}. "
                "Both must come from one run."
            )
        recipe = self.read_recipe()
        return Predictor(
            keras_engine(model), stride=catalog.stride(recipe.arch), max_side=recipe.max_side
        )


@contextlib.contextmanager
def new_run(root: Path, name: str, *, overwrite: bool = False) -> Iterator[RunFolder]:
    """Make the folder of a new run, and remove it again if it ends without a model.

    A run that is to be overwritten is set aside, and comes back if the new one fails.

    Raises:
        KsegError: There is a run of that name, or the folder cannot be written.
    """
    folder = RunFolder(root / name)
    aside = _set_aside(folder.path) if overwrite else None
    if folder.path.exists():
        raise KsegError(
            f"{folder.path} exists. Choose another --name, or give --overwrite to replace that run."
        )
    try:
        try:
            folder.path.mkdir(parents=True)
        except OSError as error:
            raise KsegError(
                f"{folder.path} cannot be made: {error.strerror}. Choose a folder that you may "
                "write to with --runs."
            ) from error
        yield folder
    finally:
        _settle(folder, aside)


def free_name(root: Path, wish: str) -> str:
    """Return `wish`, or the first of `wish-2`, `wish-3`, ... that no run bears yet."""
    number, name = 1, wish
    while (root / name).exists():
        number += 1
        name = f"{wish}-{number}"
    return name


def find_run(root: Path, name: str | None = None, *, several_heads: bool = False) -> RunFolder:
    """Find a run by its name or path; the newest one where none is named.

    Args:
        root: Folder that holds the runs.
        name: Name or path.
        several_heads: Whether the newest is sought among runs of several heads, if there are any.

    Raises:
        KsegError: There is no such run.
    """
    if name is not None:
        for folder in (root / name, Path(name)):
            if (folder / "model.keras").is_file():
                return RunFolder(folder)
        runs = ", ".join(sorted(run.name for run in _runs(root))) or "none"
        raise KsegError(f"There is no run '{name}' in {root}. Runs there: {runs}.")
    runs = _runs(root)
    if not runs:
        raise KsegError(
            f"No trained run in {root}. Train one first: kseg train --arch unet --data FOLDER "
            "(without --data it learns built-in shapes)."
        )
    if several_heads:
        runs = [run for run in runs if RunFolder(run).heads.is_file()] or runs
    return RunFolder(max(runs, key=lambda run: (run / "model.keras").stat().st_mtime))


def valid_name(name: str) -> bool:
    """Tell whether a run may bear the name: letters, digits, dots, dashes and underscores."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) is not None


def _runs(root: Path) -> list[Path]:
    return [path.parent for path in root.glob("*/model.keras") if path.parent.name[0] != "."]


def _set_aside(folder: Path) -> Path | None:
    """Rename a run that is to be replaced; return where it lies.

    One that already lies there was left by a process that was killed: it is the good one unless the
    run that was to replace it got through an epoch.
    """
    aside = folder.with_name(f".{folder.name}.replaced")
    if aside.exists() and not RunFolder(folder).history.exists():
        shutil.rmtree(folder, ignore_errors=True)
        return aside
    if not folder.exists():
        return None
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def _settle(folder: RunFolder, aside: Path | None) -> None:
    """Keep a new run that has a model; otherwise remove it and put the one set aside back.

    A run replaces another one only after a whole epoch.
    """
    if folder.model.exists() and (aside is None or folder.history.exists()):
        if aside is not None:
            shutil.rmtree(aside)
        return
    shutil.rmtree(folder.path, ignore_errors=True)
    if aside is not None:
        aside.rename(folder.path)
