"""`kseg.cross_validate`: one recipe, trained once per fold, and how far its scores spread."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kseg import _files
from kseg.data.augment.presets import is_file
from kseg.errors import ArgumentError, KsegError
from kseg.runs.cross_validation import CrossValidation
from kseg.runs.making import check_name, tidy, unfinished
from kseg.runs.recipe import Recipe, differences
from kseg.runs.run import Run
from kseg.workflows.resume import resume
from kseg.workflows.train import asked, default_name, train
from kseg.workflows.watching import Watch, watching

MAY_DIFFER = ("versions", "data.skipped", "loop.done")
"""Fields that a run writes into its recipe by itself."""


def cross_validate(
    recipe: Recipe | Run | Path | str | None = None,
    *,
    folds: int = 5,
    name: str | None = None,
    runs: str | Path = "saved_models",
    overwrite: bool = False,
    device: str | None = None,
    download: bool = False,
    tensorboard: bool = False,
    set: Mapping[str, Any] | None = None,
    progress: bool | Watch = False,
    **choices: Any,
) -> CrossValidation:
    """Train a recipe once per fold, to see how far its scores depend on the images.

    All images but those of a test split are divided into `folds` parts. Each run, NAME-fold1 and so
    on, validates on one part and learns from the others; it is a run like any other. A summary of
    all is kept beside them as NAME-folds.json. The same call again, after it was broken off, goes
    on: a fold that is whole is not trained again.

    Args:
        recipe: What to start from: a `Recipe`, a run, or the path of a `recipe.yaml`; by default
            one in which all is open.
        folds: Number of parts, at least 2. They are stratified by classes; `split_by` says another
            way, such as "group:^(.*)_", by which the frames of one video stay together.
        name: What the names of the runs begin with; by default ARCH-DATA, numbered if there are
            folds of another recipe of that name.
        runs: Folder that holds the runs.
        overwrite: Whether to replace folds of that name that another recipe made.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        download: Whether TensorFlow Datasets may download what is not on this machine.
        tensorboard: Whether to write logs for TensorBoard into the runs.
        set: Further choices by the path of their field, such as `{"schedule.warmup": 0.2}`.
        progress: Whether to show bars, on a terminal or in a notebook.
        **choices: Fields of the recipe by their words, as in `kseg.train`.

    Returns:
        The runs, and their scores: `found.mean_iou.mean()`, `found.iou`, `found.to_dict()`.

    Raises:
        ArgumentError: A choice is unknown or out of its range, or a name is taken.
        KsegError: Something in the data is wrong, such as fewer images or groups than folds.
        Interrupted: Ctrl-C or the system broke it off; the same call goes on.

    Example:
        >>> words = {"data": "my_data", "arch": "unet", "filters": (2, 4), "epochs": 1}
        >>> found = kseg.cross_validate(folds=3, name="thrice", size=32, **words)
        >>> summary = found.to_dict()["mean_iou"]
        >>> sorted(summary), len(summary["folds"])
        (['deviation', 'folds', 'mean'], 3)
    """
    watch = watching(progress)
    root = Path(runs)
    wish, _ = asked(recipe, root, set, {**choices, "folds": folds, "fold": 1})
    watch.tidied(tidy(root))
    name = _free_name(root, wish) if name is None else name
    begun = _begin(root, name, wish, overwrite)
    shared: dict[str, Any] = {
        "runs": root,
        "device": device,
        "tensorboard": tensorboard,
        "progress": watch,
    }
    for fold in range(1, folds + 1):
        run = begun.run(fold)
        watch.folds(run, fold, folds)
        try:
            is_begun = unfinished(run).resume_file.exists()
            if is_begun and not _is_other(run, wish.changed(fold=fold)):
                resume(run, **shared)
            elif not run.is_finished or fold in begun.to_replace:
                train(
                    wish.changed(fold=fold),
                    name=run.name,
                    overwrite=run.path.exists(),
                    download=download,
                    **shared,
                )
            begun.to_replace.discard(fold)
        finally:
            begun.write()
    found = CrossValidation(tuple(map(begun.run, range(1, folds + 1))), begun.path)
    begun.write(found.to_dict())
    watch.cross_validated(found)
    return found


@dataclass
class _Begun:
    """A cross-validation on its way, as its summary keeps it.

    Attributes:
        path: The summary.
        name: What the names of its runs begin with.
        recipe: What was asked for, that of the first fold.
        to_replace: Folds whose runs another recipe made.
    """

    path: Path
    name: str
    recipe: dict
    to_replace: set[int]

    def run(self, fold: int) -> Run:
        return Run(self.path.parent / f"{self.name}-fold{fold}")

    def write(self, result: Mapping[str, Any] | None = None) -> None:
        """Keep it, once there is a run."""
        if any(self.path.parent.glob(f"{self.name}-fold*")):
            content = {"recipe": self.recipe, "to_replace": sorted(self.to_replace)}
            _files.write_json(self.path, {**(result or {}), **content})


def _begin(root: Path, name: str, wish: Recipe, overwrite: bool) -> _Begun:
    """Go on with a cross-validation of that name, or begin one.

    Raises:
        ArgumentError: The name is not valid, or there are folds of another recipe.
    """
    check_name(f"{name}-folds", root)
    begun = _Begun(_summary_file(root, name), name, _content(wish), set())
    kept = _read(begun.path)
    is_same = kept is not None and kept["recipe"] == begun.recipe
    folds = range(1, (wish.data.folds or 1) + 1)
    there = {fold for fold in folds if begun.run(fold).path.exists()}
    pending = there & {*kept["to_replace"]} if kept and is_same else {*()}
    others = {
        fold
        for fold in there - pending
        if (kept and not is_same) or _is_other(begun.run(fold), wish.changed(fold=fold))
    }
    if others and not overwrite:
        raise ArgumentError(
            f"{begun.run(min(others)).path} is there, of another recipe. Choose another name=, or "
            "replace these folds by overwrite=True."
        )
    begun.to_replace |= pending | others
    return begun


def _is_other(run: Run, wish: Recipe) -> bool:
    """Tell whether a run, whole or broken off, is not one of what is wished for."""
    try:
        found = differences(unfinished(run).recipe, wish)
    except KsegError:
        return True
    return any(
        new is not None and path not in MAY_DIFFER and not _is_copied(path, new)
        for path, (_, new) in found.items()
    )


def _is_copied(path: str, value: Any) -> bool:
    """Tell whether a run names a copy of its own in place of a value."""
    from kseg.data.sources.tfds import is_tfds

    return (path == "input.augment" and is_file(value)) or (path == "data.path" and is_tfds(value))


def _free_name(root: Path, wish: Recipe) -> str:
    """Return a name under which this recipe was begun, or that no folds bear yet."""
    number, own = 1, default_name(wish)
    name = own
    while True:
        kept = _read(_summary_file(root, name))
        if kept and kept["recipe"] == _content(wish):
            return name
        if not kept and not any(root.glob(f"{name}-fold*")):
            return name
        number += 1
        name = f"{own}-{number}"


def _summary_file(root: Path, name: str) -> Path:
    return root / f"{name}-folds.json"


def _content(wish: Recipe) -> dict:
    return wish.model_dump(mode="json", exclude_none=True)


def _read(path: Path) -> dict | None:
    """Read the summary of a cross-validation; `None` where there is none.

    Raises:
        KsegError: It is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"recipe": content["recipe"], "to_replace": [*map(int, content["to_replace"])]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        raise KsegError(f"{path} is damaged. Remove it: the runs of the folds stay.") from None
