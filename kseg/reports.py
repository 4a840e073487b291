"""Runs and evaluations as figures on the disk."""

import re
from collections.abc import Sequence
from pathlib import Path

import keras
from matplotlib.figure import Figure

from kseg import _files
from kseg.artifacts import RunFolder
from kseg.callbacks.history import read_history
from kseg.data.samples import Samples
from kseg.evaluation import Evaluation
from kseg.inference.predictor import Predictor
from kseg.levels import Level
from kseg.models.measures import parts
from kseg.plots import curves, graphs, matrices, overlays, tradeoffs

HEAD = re.compile(r"x\d+_\d+|(decoder_|side_|p)\d+|fused|final")
"""Names under which heads log their losses."""


def report_training(folder: RunFolder) -> Path | None:
    """Draw a run's curves; return where, or `None` before the first epoch."""
    if not folder.history.exists():
        return None
    history = read_history(folder.history)
    history.pop("learning_rate")
    heads = [name for name in history if HEAD.fullmatch(name)]
    return _save(folder.path / "curves.png", curves.training_curves(history, heads))


def report_predictions(folder: RunFolder, predictor: Predictor, samples: Samples) -> Path:
    """Draw image, truth and prediction of samples spread evenly over a data set; return where."""
    count = min(4, len(samples))
    chosen = [samples[index * len(samples) // count] for index in range(count)]
    predicted = predictor.predict([sample.image for sample in chosen])
    rows = [
        (sample.name, sample.image, sample.mask, mask)
        for sample, mask in zip(chosen, predicted, strict=True)
    ]
    return _save(folder.path / "predictions.png", overlays.comparison(rows, samples.labels))


def report_network(model: keras.Model, path: Path, title: str) -> Path:
    """Draw a network's parts as a picture; return where."""
    return _save(path, graphs.network_picture(*parts(model), title))


def report_evaluation(folder: RunFolder, evaluation: Evaluation, split: str) -> tuple[Path, Path]:
    """Write an evaluation as JSON and its confusion matrix as a picture; return where."""
    scores = folder.path / f"evaluation_{split}.json"
    _files.write_json(scores, {"split": split, **evaluation.to_dict()})
    picture = matrices.confusion_picture(evaluation.scores.matrix, evaluation.labels)
    return scores, _save(folder.path / f"confusion_{split}.png", picture)


def report_levels(folder: RunFolder, levels: Sequence[Level], chosen: Level) -> Path:
    """Draw the mean IoU of a run's levels over what they cost; return where."""
    costs = {
        "million parameters": [level.parameters / 1e6 for level in levels],
        "images a second": [level.images_per_second for level in levels],
    }
    names = [level.head for level in levels]
    scores = [level.mean_iou for level in levels]
    picture = tradeoffs.tradeoff_picture(names, scores, costs, chosen.head)
    return _save(folder.path / "levels.png", picture)


def class_table(evaluation: Evaluation) -> list[Sequence[str]]:
    """Return the scores a class as rows of text: name, IoU, Dice, accuracy, pixels."""
    names, scores = evaluation.labels.names, evaluation.scores
    columns = zip(names, scores.iou, scores.dice, scores.accuracy, scores.pixels, strict=True)
    return [
        (name, *("absent" if value != value else f"{value:.3f}" for value in values), f"{pixels:,}")
        for name, *values, pixels in columns
    ]


def _save(path: Path, figure: Figure) -> Path:
    with _files.atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path
