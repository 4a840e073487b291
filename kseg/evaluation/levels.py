"""The levels of a deeply supervised network: what each head costs and scores.

Train once, then choose: a U-Net++ of four heads holds four networks.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import keras
import numpy as np

from kseg.data.samples import Samples
from kseg.evaluation.evaluation import Evaluation, evaluate
from kseg.inference.engines.keras_model import keras_engine
from kseg.inference.predictor import Predictor
from kseg.models import pruning
from kseg.models.measures import measure

ROUNDS = 7
BATCH = 4


@dataclass(frozen=True)
class Level:
    """A head of a deeply supervised network, as a network of its own.

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
        return self.evaluation.scores.mean_iou


def measure_levels(
    heads: keras.Model,
    samples: Samples,
    make_predictor: Callable[[keras.Model], Predictor],
    on_image: Callable[[], None] = lambda: None,
) -> list[Level]:
    """Score and measure each head of a network, the smallest first.

    Args:
        heads: A network whose outputs are a dictionary of heads.
        samples: The data to score them on.
        make_predictor: From a head, as a network of its own, to a predictor of it.
        on_image: Called after each image of each head.

    Raises:
        KsegError: The network has one head, or a sample cannot be read.
    """
    numbers = {name: level for level, name in pruning.levels(heads).items()}
    networks = {name: pruning.cut(heads, name) for name in heads.output}
    predictors = {name: make_predictor(network) for name, network in networks.items()}
    shown = next(iter(predictors.values())).shown(samples[0].image)
    speeds = _alternating(networks, np.stack([shown] * BATCH))
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
    """Return the smallest level whose mean IoU is within `tolerance` of the best one's.

    The best need not be the whole network: after a short training a smaller one often leads.

    Args:
        levels: As `measure_levels` returns them, the smallest network first.
        tolerance: Loss of mean IoU that is accepted, in [0, 1].
    """
    wanted = max(level.mean_iou for level in levels) - tolerance
    return next((level for level in levels if level.mean_iou >= wanted), levels[-1])


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
