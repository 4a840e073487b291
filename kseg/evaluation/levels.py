"""The levels of a deeply supervised run: what each head costs and scores, and runs cut back to one.

Train once, then choose: a U-Net++ of four heads holds four networks.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import keras
import numpy as np

from kseg import _files
from kseg.artifacts import RunFolder, new_run
from kseg.data.samples import Samples
from kseg.errors import KsegError
from kseg.evaluation.evaluation import Evaluation, evaluate
from kseg.inference.engines import keras_engine, load_model
from kseg.inference.predictor import Predictor
from kseg.models import catalog, pruning
from kseg.models.measures import measure
from kseg.recipes import Recipe, write_recipe

ROUNDS = 7
BATCH = 4


@dataclass(frozen=True)
class Level:
    """A head of a run, as a network of its own.

    Attributes:
        head: Its name, such as "x0_2".
        level: The number in the name, as `models.prune` takes it; `None` for a head without one,
            which is the whole network.
        evaluation: Its scores.
        parameters: Its trained parameters.
        flops: Of one image as the network sees it.
        images_per_second: Of batches of such images, the median of alternating rounds.
        bytes: Size of its file.
    """

    head: str
    level: int | None
    evaluation: Evaluation
    parameters: int
    flops: int
    images_per_second: float
    bytes: int

    @property
    def mean_iou(self) -> float:
        """Its mean IoU."""
        return self.evaluation.scores.means["mean_iou"]


def open_heads(folder: RunFolder) -> keras.Model:
    """Load the network of a run with all its heads.

    Raises:
        KsegError: The run has one head.
    """
    if not folder.heads.is_file():
        raise KsegError(
            f"{folder.name} has one head, so there is nothing to choose from. Train a network of "
            "several: kseg train --arch unetpp, or another one with --heads 3."
        )
    return load_model(folder.heads)


def measure_levels(
    folder: RunFolder,
    heads: keras.Model,
    samples: Samples,
    on_image: Callable[[], None] = lambda: None,
) -> list[Level]:
    """Score and measure each head of a run, the smallest network first.

    Args:
        folder: A run that was trained with several heads.
        heads: Its network, as `open_heads` gives it.
        samples: The data to score them on.
        on_image: Called after each image of each head.
    """
    networks = {name: pruning.cut(heads, name) for name in heads.output}
    predictors = {name: _predictor(folder, network) for name, network in networks.items()}
    shown = predictors[next(iter(predictors))].shown(samples[0].image)
    speeds = _alternating(networks, np.stack([shown] * BATCH))
    numbers = {name: level for level, name in pruning.levels(heads).items()}
    found = []
    for name, network in networks.items():
        measures = measure(network, shown.shape[:2])
        found.append(
            Level(
                name,
                numbers.get(name),
                evaluate(predictors[name], samples, on_image),
                measures.parameters,
                measures.flops,
                speeds[name],
                _file_size(network),
            )
        )
    return sorted(found, key=lambda level: level.parameters)


def recommend(levels: Sequence[Level], tolerance: float) -> Level:
    """Return the smallest level whose mean IoU is within `tolerance` of the whole network's.

    Args:
        levels: As `measure_levels` returns them; the last is the whole network.
        tolerance: Loss of mean IoU that is accepted, in [0, 1].
    """
    wanted = levels[-1].mean_iou - tolerance
    return next((level for level in levels if level.mean_iou >= wanted), levels[-1])


def write_pruned(
    folder: RunFolder, heads: keras.Model, level: Level, root: Path, name: str
) -> RunFolder:
    """Write a run cut back to a level as a run of its own: model, recipe, classes and scores.

    Args:
        folder: The run that was trained.
        heads: Its network, as `open_heads` gives it.
        level: One of its levels that has a number.
        root: Folder that holds the runs.
        name: Name of the new run.

    Raises:
        KsegError: There is a run of that name, or the level has no number.
    """
    if level.level is None:
        raise KsegError(
            f"{level.head} is the whole network of {folder.name}: there is nothing to cut."
        )
    recipe: Recipe = folder.read_recipe()
    with new_run(root, name) as pruned:
        write_recipe(pruned.recipe, recipe.with_(level=level.level))
        _files.write_json(pruned.classes, folder.read_labels().to_dict())
        if folder.splits.exists():
            shutil.copyfile(folder.splits, pruned.splits)
        _files.write_json(pruned.scores, {"split": "val", **level.evaluation.to_dict()})
        with _files.atomic(pruned.model) as temporary:
            pruning.prune(heads, level.level).save(temporary)
    return pruned


def _predictor(folder: RunFolder, network: keras.Model) -> Predictor:
    recipe = folder.read_recipe()
    return Predictor(
        keras_engine(network), stride=catalog.stride(recipe.arch), max_side=recipe.max_side
    )


def _alternating(networks: dict[str, keras.Model], images: np.ndarray) -> dict[str, float]:
    """Time the networks by turns, so that a change in the machine's speed meets all of them."""
    engines = {name: keras_engine(network) for name, network in networks.items()}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(1 + ROUNDS):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine(images)
            seconds[name].append(time.perf_counter() - start)
    return {name: len(images) / median(times[1:]) for name, times in seconds.items()}


def _file_size(network: keras.Model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        return path.stat().st_size
