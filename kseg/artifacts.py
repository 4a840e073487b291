"""`saved_models/NAME`: everything that a run leaves behind."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from kseg.inference.predictor import Predictor
from kseg.labels import Labels, read_labels
from kseg.recipes import Recipe, read_recipe

ROOT = Path("saved_models")


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

    @property
    def logs(self) -> Path:
        """TensorBoard's logs."""
        return self.path / "logs"

    def read_labels(self) -> Labels:
        """Read the classes."""
        return read_labels(self.classes)

    def read_recipe(self) -> Recipe:
        """Read the recipe."""
        return read_recipe(self.recipe)

    def open_predictor(self) -> Predictor:
        """Load the model of the best epoch for prediction, and prove that it fits the classes.

        Raises:
            ValueError: The model file is damaged, or its classes are not the run's.
        """
        from kseg.inference.engines import keras_engine, load_model

        model = load_model(self.model)
        classes, expected = model.output_shape[-1], len(self.read_labels())
        if max(classes, 2) != expected:
            raise ValueError(
                f"{self.model} gives {classes} classes, but {self.classes} names {expected}. "
                "Both must come from one run."
            )
        return Predictor(keras_engine(model), max_side=self.read_recipe().max_side)


def create_run(root: Path, name: str) -> RunFolder:
    """Make the folder of a new run.

    Raises:
        ValueError: There is a run of that name, or the folder cannot be written.
    """
    folder = root / name
    if folder.exists():
        raise ValueError(
            f"{folder} exists. Choose another --name, or give --overwrite to replace that run."
        )
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ValueError(
            f"{folder} cannot be made: {error.strerror}. Choose a folder that you may write to "
            "with --runs."
        ) from error
    return RunFolder(folder)


def free_name(root: Path, wish: str) -> str:
    """Return `wish`, or the first of `wish-2`, `wish-3`, ... that no run bears yet."""
    number, name = 1, wish
    while (root / name).exists():
        number += 1
        name = f"{wish}-{number}"
    return name


def set_aside(root: Path, name: str) -> Path | None:
    """Rename a run that is to be replaced, so that it can be put back; return where it lies."""
    folder, aside = root / name, root / f".{name}.replaced"
    if not folder.exists():
        return None
    if aside.exists():
        shutil.rmtree(aside)
    return folder.rename(aside)


def settle(folder: RunFolder, aside: Path | None) -> None:
    """Keep a new run that has a model; otherwise remove it and put the one set aside back."""
    if folder.model.exists():
        if aside is not None:
            shutil.rmtree(aside)
        return
    shutil.rmtree(folder.path, ignore_errors=True)
    if aside is not None:
        aside.rename(folder.path)


def find_run(root: Path, name: str | None = None) -> RunFolder:
    """Find a run by its name or path; the newest one where none is named.

    Raises:
        ValueError: There is no such run.
    """
    if name is not None:
        for folder in (root / name, Path(name)):
            if (folder / "model.keras").is_file():
                return RunFolder(folder)
        runs = ", ".join(sorted(run.name for run in _runs(root))) or "none"
        raise ValueError(f"There is no run '{name}' in {root}. Runs there: {runs}.")
    runs = _runs(root)
    if not runs:
        raise ValueError(
            f"No trained run in {root}. Train one first: kseg train --arch unet --data FOLDER "
            "(without --data it learns built-in shapes)."
        )
    return RunFolder(max(runs, key=lambda run: (run / "model.keras").stat().st_mtime))


def valid_name(name: str) -> bool:
    """Tell whether a run may bear the name: letters, digits, dots, dashes and underscores."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name) is not None


def _runs(root: Path) -> list[Path]:
    return [path.parent for path in root.glob("*/model.keras") if path.parent.name[0] != "."]
