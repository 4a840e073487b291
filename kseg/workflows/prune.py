"""`kseg.prune`: the heads of a deeply supervised run measured, and the run cut back to one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kseg import _checks, _files, machine
from kseg.errors import ArgumentError, KsegError
from kseg.runs.finding import open_run_of_heads
from kseg.runs.making import check_name, free_name, new_run
from kseg.runs.recipe import write_recipe
from kseg.runs.run import Run
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    import keras

    from kseg.evaluation.levels import Level


@dataclass(frozen=True)
class Pruning:
    """What the heads of a run cost and score.

    Attributes:
        run: The run that was measured.
        levels: A network per head, the smallest first.
        recommended: The smallest within the tolerance.
        pruned: The run that was written; `None` where none was asked for, or nothing is to be cut.
    """

    run: Run
    levels: "tuple[Level, ...]"
    recommended: "Level"
    pruned: Run | None = None


def prune(
    run: Run | str | Path | None = None,
    *,
    tolerance: float = 0.01,
    level: int | None = None,
    auto: bool = False,
    name: str | None = None,
    device: str | None = None,
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> Pruning:
    """Measure each head of a run that was trained with several, and cut it back.

    Each head is scored on the validation split; `levels.png` in the run's folder shows what each
    costs.

    Args:
        run: A run, its name or its path; by default the newest of several heads.
        tolerance: Loss of mean IoU, in [0, 1], that is accepted for a smaller network.
        level: Write the run cut back to this level.
        auto: Write the run cut back to the recommended level.
        name: Name of the written run; by default RUN-levelN.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Raises:
        ArgumentError: The choices contradict each other, or the name is taken.
        KsegError: The run has one head, or none of that level.

    Example:
        >>> found = kseg.prune("unetpp-my_data", level=1)
        >>> [level.head for level in found.levels], found.pruned.name
        (['x0_1', 'x0_2'], 'unetpp-my_data-level1')
    """
    root = Path(runs)
    _check(tolerance, level, auto, name, root)
    watch = watching(progress)
    opened = open_run_of_heads(run, root)
    watch.starts(machine.device(device))

    from kseg.evaluation.levels import measure_levels, recommend
    from kseg.models import pruning
    from kseg.reports import figures

    with machine.computing_on(device):
        heads = open_heads(opened)
        if level is not None:
            pruning.head_of(heads, level)
        samples = opened.source().split("val", opened.labels)
        watch.opened(opened, f"{len(samples)} images of val")
        with watch.counting("scoring", None) as on_image:
            found = measure_levels(heads, samples, opened.predictor_of, on_image)
        best = recommend(found, tolerance)
        watch.written([figures.report_levels(opened, found, best)])
        pruned = None
        if level or auto:
            chosen = best if auto else next(one for one in found if one.level == level)
            pruned = _written(opened, heads, found, chosen, root, name)
    return Pruning(opened, tuple(found), best, pruned)


def open_heads(run: Run) -> "keras.Model":
    """Load the network of a run with all its heads.

    Raises:
        KsegError: The run has one head.
    """
    if not run.heads_file.is_file():
        raise KsegError(
            f"{run.name} has one head, so there is nothing to choose from. Train a network of "
            'several: kseg.train(arch="unetpp"), or kseg.train(arch="unet", heads=3).'
        )
    from kseg.inference import load_model

    return load_model(run.heads_file)


def _check(tolerance: float, level: int | None, auto: bool, name: str | None, root: Path) -> None:
    try:
        if not 0 <= tolerance <= 1:
            raise KsegError(f"tolerance= must be a number from 0 to 1. Received: {tolerance}.")
        if level is not None:
            _checks.positive_int(level, "level")
        if level and auto:
            raise KsegError("Give level= or auto=True, not both.")
        if name and not (level or auto):
            raise KsegError("name= names the run that level= or auto=True writes.")
        if name:
            check_name(name, root)
    except KsegError as error:
        raise ArgumentError(str(error)) from None


def _written(
    run: Run,
    heads: "keras.Model",
    found: "Sequence[Level]",
    chosen: "Level",
    root: Path,
    name: str | None,
) -> Run | None:
    """Write a run cut back to a level as a run of its own; nothing where that is the whole."""
    if chosen is found[-1] or chosen.level is None:
        return None
    from kseg.models import pruning

    name = name or free_name(root, f"{run.name}-level{chosen.level}")
    with new_run(root, name) as pruned:
        write_recipe(pruned.recipe_file, run.recipe.changed(level=chosen.level))
        _files.write_json(pruned.classes_file, run.labels.to_dict())
        for name in ("splits_file", "summary_file", "history_file"):
            if getattr(run, name).exists():
                shutil.copyfile(getattr(run, name), getattr(pruned, name))
        _files.write_json(pruned.scores_file, {"split": "val", **chosen.evaluation.to_dict()})
        with _files.atomic(pruned.model_file) as temporary:
            pruning.prune(heads, chosen.level).save(temporary)
    return pruned
