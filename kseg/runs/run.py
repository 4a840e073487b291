"""`saved_models/NAME`: everything that a run leaves behind."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseg import _checks
from kseg._settings import SHORT
from kseg.errors import KsegError
from kseg.runs.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kseg.data.augment.settings import Input
    from kseg.data.sources.source import Source
    from kseg.inference import Predictor
    from kseg.inference.engines import Engine
    from kseg.labels import Labels
    from kseg.metrics.scores import Scores

LAST_MODEL = "last.keras"
SHOWN = ("max_side", "resize", "resize_back")
"""What of a recipe's input may differ in prediction."""


@dataclass(frozen=True)
class Run:
    """A training that was done: a folder with its model, recipe, history and scores.

    Everything is read when it is asked for.

    Attributes:
        path: The folder.

    Example:
        >>> run = kseg.open_run("unetpp-my_data")
        >>> run.name, run.labels.names, sorted(run.history)[:2]
        ('unetpp-my_data', ('ground', 'box'), ['epoch', 'learning_rate'])
        >>> round(run.scores.mean_iou, 3)
        0...
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    def _repr_html_(self) -> str:
        """Show the run in a notebook: what it learned, how well, and pictures of both."""
        from kseg import _html

        said = [("run", str(self.path))]
        with contextlib.suppress(KsegError):
            recipe = self.recipe
            said += [("network", str(recipe.model.arch)), ("data", recipe.data.path)]
            said += [("kept", f"epoch {self.best_epoch} of {self.epochs}")]
            said += [("mean IoU, val", f"{self.scores.mean_iou:.3f}")]
        shown = [_html.table(("", ""), said)]
        for file in ("curves.png", "predictions.png"):
            if (self.path / file).is_file():
                content = (self.path / file).read_bytes()
                shown.append(_html.picture(_html.address_of(content, "png"), file))
        return "".join(shown)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def model_file(self) -> Path:
        """The model of the best epoch."""
        return self.path / "model.keras"

    @property
    def model_digest(self) -> str:
        """The SHA-256 of the model of the best epoch, in hexadecimal digits."""
        with self.model_file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def last_model_file(self) -> Path:
        """The model of the last epoch."""
        return self.path / LAST_MODEL

    @property
    def heads_file(self) -> Path:
        """The model of the best epoch with all its heads, where it is deeply supervised."""
        return self.path / "heads.keras"

    @property
    def augmentation_file(self) -> Path:
        """The augmentation, as albumentations reads it."""
        return self.path / "augmentation.yaml"

    @property
    def skipped_file(self) -> Path:
        """Pairs that were passed over, and why."""
        return self.path / "skipped.json"

    @property
    def splits_file(self) -> Path:
        """What was decided on the data, and which pairs were split off."""
        return self.path / "splits.json"

    @property
    def recipe_file(self) -> Path:
        """What makes the run again."""
        return self.path / "recipe.yaml"

    @property
    def classes_file(self) -> Path:
        """Class names and colours."""
        return self.path / "classes.json"

    @property
    def history_file(self) -> Path:
        """Losses and scores per epoch."""
        return self.path / "history.csv"

    @property
    def lines_file(self) -> Path:
        """The same for programs, with scores per class, seconds and images: JSON line by line."""
        return self.path / "history.jsonl"

    @property
    def previews_folder(self) -> Path:
        """What the network said about four images of the validation split, epoch by epoch."""
        return self.path / "previews"

    @property
    def animation_file(self) -> Path:
        """The same as an animation."""
        return self.path / "previews.gif"

    @property
    def done_file(self) -> Path:
        """How much was done before each step, where a clock ended the training."""
        return self.path / "done.txt"

    @property
    def findings_file(self) -> Path:
        """What was found wrong with the training, if anything was."""
        return self.path / "findings.json"

    @property
    def resume_file(self) -> Path:
        """All that a training which was broken off needs to go on."""
        return self.path / "resume.npz"

    @property
    def scores_file(self) -> Path:
        """Scores of the best epoch on the validation split."""
        return self.path / "scores.json"

    @property
    def temperature_file(self) -> Path:
        """What calibrates the network's probabilities."""
        return self.path / "temperature.json"

    @property
    def summary_file(self) -> Path:
        """How the training went: epochs, the best of them, the time spent waiting for images."""
        return self.path / "training.json"

    @property
    def recipe(self) -> Recipe:
        """What makes the run again.

        Raises:
            KsegError: The file is missing or damaged.
        """
        return read_recipe(self.recipe_file)

    @property
    def labels(self) -> "Labels":
        """The classes.

        Raises:
            KsegError: The file is missing or damaged.
        """
        from kseg.labels import read_labels

        return read_labels(self.classes_file)

    @property
    def history(self) -> "dict[str, np.ndarray]":
        """Losses and scores per epoch: float64 columns by name, NaN where an epoch has no value.

        Raises:
            KsegError: No epoch was whole, or the file is damaged.
        """
        from kseg.runs.history import read_history

        return read_history(self.history_file)

    @property
    def class_iou(self) -> "dict[str, np.ndarray]":
        """The validated IoU of each class, float64, a value per epoch, NaN where it has none.

        Nothing where no class was scored.

        Raises:
            KsegError: The file is damaged.
        """
        from kseg.runs.history import read_class_iou

        return read_class_iou(self.lines_file, self.labels.names)

    @property
    def scores(self) -> "Scores":
        """Scores of the best epoch on the validation split, at full size.

        Raises:
            KsegError: The training was broken off before they were counted.
        """
        from kseg.metrics.scores import Scores

        return Scores(_read(self.scores_file, "confusion", _matrix))

    @property
    def best_epoch(self) -> int:
        """The epoch that `model.keras` holds, from 1; 0 where none was whole.

        Raises:
            KsegError: The training was killed.
        """
        return _read(self.summary_file, "best_epoch", _whole)

    @property
    def epochs(self) -> int:
        """The whole epochs that were trained.

        Raises:
            KsegError: The training was killed.
        """
        return _read(self.summary_file, "epochs", _whole)

    @property
    def epochs_reached(self) -> int:
        """The whole epochs that were trained, also where the training was killed."""
        return len(self.history["epoch"]) if self.history_file.exists() else 0

    @property
    def temperature(self) -> float:
        """What the logarithms of probabilities are divided by; 1 where nothing was fitted."""
        is_fitted = self.temperature_file.exists()
        return _read(self.temperature_file, "temperature", float) if is_fitted else 1.0

    @property
    def ended(self) -> str:
        """Why the training ended before its time, in words; "" where it did not.

        Raises:
            KsegError: The training was killed.
        """
        return _read(self.summary_file, "ended", str)

    @property
    def is_finished(self) -> bool:
        """Whether the training came to its end."""
        with contextlib.suppress(KsegError):
            return _read(self.summary_file, "finished", bool)
        return False

    @property
    def waited(self) -> float:
        """Part of the training, in [0, 1], in which the network waited for images.

        Raises:
            KsegError: The training was killed.
        """
        return _read(self.summary_file, "waited", float)

    def source(self) -> "Source":
        """Return the data that the run was trained on, at full size, divided as it was then."""
        return open_source(self.recipe, kept=self.split_off)

    @property
    def split_off(self) -> dict[str, list[str]]:
        """Names of the pairs of the splits that the data does not have by itself."""
        is_kept = self.splits_file.exists()
        return _read(self.splits_file, "split_off", _named_splits) if is_kept else {}

    def shown(self, **choices: Any) -> "Input":
        """Return how the network is shown images: as in training, or as chosen.

        Args:
            **choices: `max_side`, `resize` and `resize_back`; `None` is as in training.

        Raises:
            KsegError: A choice is unknown or out of its range.
        """
        given = {name: value for name, value in choices.items() if value is not None}
        for name in given:
            _checks.one_of(name, SHOWN, "choice for prediction")
        return self.recipe.changed(**given).input

    def predictor(
        self,
        tta: str | None = None,
        engine: str = "keras",
        doubt: str = "confidence",
        few: bool = False,
        **choices: Any,
    ) -> "Predictor":
        """Load the model of the best epoch for prediction, and prove that it fits the classes.

        Args:
            tta: The views of an image whose answers are averaged, as `inference.with_views` takes
                them; `None` for the image alone.
            engine: What runs the network: "keras", "keras-bfloat16", "openvino",
                "openvino-bfloat16", "openvino-int8" or "onnxruntime".
            doubt: How uncertainty is measured, see `inference.decide`.
            few: Whether so few images will be predicted that a fast start counts for more than fast
                answers.
            **choices: How the network is shown images, see `shown`.

        Raises:
            KsegError: The model file is damaged, its classes are not the run's, the engine is not
                installed, or a choice is unknown or out of its range.
        """
        from kseg.runs import answers

        return answers.predictor(self, tta, engine, doubt, few, choices)

    def engine(self, name: str = "keras") -> "Engine":
        """Return what runs the network of the best epoch, from images to probabilities.

        Args:
            name: "keras", "keras-bfloat16", "openvino", "openvino-bfloat16", "openvino-int8" or
                "onnxruntime".

        Raises:
            KsegError: The model file is damaged, its classes are not the run's, or the engine is
                not installed.
        """
        from kseg.runs import answers

        return answers.opened(self, name)[0]

    def predictor_of(self, model: "keras.Model") -> "Predictor":
        """Return a predictor of a network of this run, such as one of its heads."""
        from kseg.runs import answers

        return answers.predictor_of(self, model)


def open_source(
    recipe: Recipe, max_side: int | None = None, kept: Mapping[str, Sequence[str]] | None = None
) -> "Source":
    """Return a recipe's data set, to be read with images at full size or up to `max_side`.

    Args:
        recipe: Names the data set.
        max_side: Larger images are made smaller on reading; `None` for full size.
        kept: What a run has split off, to split alike.
    """
    from kseg.data.sources.source import Source

    settings = recipe.data
    return Source(
        settings.path,
        size=recipe.input.size,
        max_side=max_side,
        val_fraction=settings.val_fraction,
        test_fraction=settings.test_fraction,
        split_by=settings.split_by,
        folds=settings.folds,
        fold=settings.fold or 1,
        mask_suffix=settings.mask_suffix,
        seed=recipe.seed,
        skipped=settings.skipped,
        kept=kept or {},
        channels=settings.channels,
    )


def _read(path: Path, entry: str, of: Callable[[Any], Any]) -> Any:
    """Read an entry of a JSON file of a run; `of` makes the value of what stands there.

    Raises:
        KsegError: The file is missing or damaged.
    """
    try:
        return of(json.loads(path.read_text(encoding="utf-8"))[entry])
    except FileNotFoundError:
        raise KsegError(
            f"{path} is missing: the training was broken off before it could be written."
        ) from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise KsegError(f"{path} is damaged ({reason}). Train the run again.") from None


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number, found {SHORT.repr(value)}")
    return value


def _matrix(value: Any) -> "np.ndarray":
    import numpy as np

    matrix = np.array(value)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.dtype.kind not in "iu":
        raise TypeError("expected a square of whole numbers")
    return matrix.astype(np.int64)


def _named_splits(value: Any) -> dict[str, list[str]]:
    is_map = isinstance(value, dict) and all(isinstance(names, list) for names in value.values())
    if not is_map or not all(isinstance(name, str) for names in value.values() for name in names):
        raise TypeError("expected lists of names")
    return value
