"""Runs and evaluations as figures on the disk."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import keras

from kseg import _files
from kseg.artifacts import RunFolder
from kseg.callbacks.history import read_history
from kseg.data.samples import Samples
from kseg.evaluation.evaluation import Evaluation
from kseg.evaluation.levels import Level
from kseg.inference.predictor import Predictor
from kseg.models.measures import parts
from kseg.plots import calibration, curves, graphs, matrices, overlays, tradeoffs

HEAD = re.compile(r"x\d+_\d+|(decoder_|side_|p)\d+|fused|final")
"""Names under which heads log their losses."""


def report_training(folder: RunFolder) -> Path | None:
    """Draw a run's curves; return where, or `None` before the first epoch."""
    if not folder.history.exists():
        return None
    history = read_history(folder.history)
    history.pop("learning_rate")
    heads = [name for name in history if HEAD.fullmatch(name)]
    return _files.write_figure(folder.path / "curves.png", curves.training_curves(history, heads))


def report_predictions(folder: RunFolder, predictor: Predictor, samples: Samples) -> Path:
    """Draw image, truth and prediction of samples spread evenly over a data set; return where."""
    count = min(4, len(samples))
    chosen = [samples[index * len(samples) // count] for index in range(count)]
    predicted = predictor.predict([sample.image for sample in chosen])
    rows = [
        (sample.name, sample.image, sample.mask, mask)
        for sample, mask in zip(chosen, predicted, strict=True)
    ]
    return _files.write_figure(
        folder.path / "predictions.png", overlays.comparison(rows, samples.labels)
    )


def report_network(model: keras.Model, path: Path, title: str) -> Path:
    """Draw a network's parts as a picture; return where."""
    return _files.write_figure(path, graphs.network_picture(*parts(model), title))


def report_evaluation(folder: RunFolder, evaluation: Evaluation, split: str) -> list[Path]:
    """Write an evaluation as JSON, its confusion matrix and reliability as pictures; say where."""
    scores = folder.path / f"evaluation_{split}.json"
    _files.write_json(scores, {"split": split, **evaluation.to_dict()})
    picture = matrices.confusion_picture(evaluation.scores.matrix, evaluation.labels)
    written = [scores, _files.write_figure(folder.path / f"confusion_{split}.png", picture)]
    if evaluation.calibration is not None:
        found = evaluation.calibration
        picture = calibration.reliability_picture(
            found.pixels, found.confidence, found.correct, found.expected_error
        )
        written.append(_files.write_figure(folder.path / f"reliability_{split}.png", picture))
    return written


def report_images(folder: RunFolder, evaluation: Evaluation, split: str) -> Path:
    """Write the scores of each image by itself as CSV, the worst first; return where."""
    path = folder.path / f"images_{split}.csv"
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", *evaluation.image_scores])
    table.writerows(
        (name, *("" if value != value else f"{value:.4f}" for value in values))
        for name, *values in worst_images(evaluation)
    )
    _files.write_text(path, text.getvalue())
    return path


def worst_images(evaluation: Evaluation) -> list[tuple]:
    """Return name, mean IoU and pixel accuracy of each image, the worst first, void ones last."""
    rows = zip(evaluation.names, *evaluation.image_scores.values(), strict=True)
    return sorted(rows, key=lambda row: (row[1] != row[1], row[1]))


def report_levels(folder: RunFolder, levels: Sequence[Level], chosen: Level) -> Path:
    """Draw the mean IoU of a run's levels over what they cost; return where."""
    costs = {
        "million parameters": [level.parameters / 1e6 for level in levels],
        "images a second": [level.images_per_second for level in levels],
    }
    names = [level.head for level in levels]
    scores = [level.mean_iou for level in levels]
    picture = tradeoffs.tradeoff_picture(names, scores, costs, chosen.head)
    return _files.write_figure(folder.path / "levels.png", picture)


TITLES = {
    "iou": "IoU",
    "dice": "Dice",
    "accuracy": "accuracy",
    "boundary_f1": "border F1",
    "boundary_iou": "border IoU",
    "hausdorff_95": "HD95",
    "surface_distance": "ASSD",
}
"""What the columns of scores are called in a table; HD95 and ASSD are distances in pixels."""


def class_table(evaluation: Evaluation) -> tuple[list[str], list[Sequence[str]]]:
    """Return the scores a class as text: the titles of the columns, and a row a class."""
    columns = evaluation.columns
    digits = {"hausdorff_95": 1, "surface_distance": 2}
    cells = [
        ["absent" if value != value else f"{value:.{digits.get(name, 3)}f}" for value in column]
        for name, column in columns.items()
    ]
    pixels = [f"{count:,}" for count in evaluation.scores.pixels]
    titles = ["class", *(TITLES[name] for name in columns), "pixels"]
    return titles, list(zip(evaluation.labels.names, *cells, pixels, strict=True))
