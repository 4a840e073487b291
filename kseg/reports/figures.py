"""Runs and evaluations as files in the run's folder."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kseg import _files
from kseg.data.samples import Samples
from kseg.evaluation import Evaluation
from kseg.inference import Predictor
from kseg.models.names import is_head
from kseg.plots import calibration, curves, graphs, matrices, overlays, tradeoffs
from kseg.reports.tables import worst_images
from kseg.runs.run import Run

if TYPE_CHECKING:
    import keras

    from kseg.evaluation.levels import Level


def report_training(run: Run) -> Path | None:
    """Draw a run's curves; return where, or `None` before the first epoch."""
    if not run.history_file.exists():
        return None
    history = dict(run.history)
    history.pop("learning_rate")
    heads = [name for name in history if is_head(name)]
    return _files.write_figure(run.path / "curves.png", curves.training_curves(history, heads))


def report_predictions(run: Run, predictor: Predictor, samples: Samples) -> Path:
    """Draw image, truth and prediction of samples spread evenly over a data set; return where."""
    count = min(4, len(samples))
    chosen = [samples[index * len(samples) // count] for index in range(count)]
    predicted = predictor.predict([sample.image for sample in chosen])
    rows = [
        (sample.name, sample.image, sample.mask, mask)
        for sample, mask in zip(chosen, predicted, strict=True)
    ]
    return _files.write_figure(
        run.path / "predictions.png", overlays.comparison(rows, samples.labels)
    )


def report_network(model: "keras.Model", path: Path, title: str) -> Path:
    """Draw a network's parts as a picture; return where."""
    from kseg.models.measures import parts

    return _files.write_figure(path, graphs.network_picture(*parts(model), title))


def report_evaluation(run: Run, evaluation: Evaluation, data: str, split: str) -> list[Path]:
    """Write an evaluation as JSON, its confusion matrix and reliability as pictures; say where.

    Args:
        run: The run that was scored.
        evaluation: Its scores.
        data: What it was scored on; anything but the run's own data stands in the files' names.
        split: Split of the data.
    """
    label = _label(run, data, split)
    scores = run.path / f"evaluation_{label}.json"
    _files.write_json(scores, {"data": data, "split": split, **evaluation.to_dict()})
    picture = matrices.confusion_picture(evaluation.scores.matrix, evaluation.labels)
    written = [scores, _files.write_figure(run.path / f"confusion_{label}.png", picture)]
    if evaluation.calibration is not None:
        found = evaluation.calibration
        picture = calibration.reliability_picture(
            found.pixels, found.confidence, found.correct, found.expected_error
        )
        written.append(_files.write_figure(run.path / f"reliability_{label}.png", picture))
    return written


def report_images(run: Run, evaluation: Evaluation, data: str, split: str) -> Path:
    """Write the scores of each image by itself as CSV, the worst first; return where."""
    path = run.path / f"images_{_label(run, data, split)}.csv"
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", *evaluation.image_scores])
    table.writerows(
        (name, *("" if value != value else f"{value:.4f}" for value in values))
        for name, *values in worst_images(evaluation)
    )
    _files.write_text(path, text.getvalue())
    return path


def _label(run: Run, data: str, split: str) -> str:
    """Name what was scored in the names of files: the split, and whose, if not the run's own."""
    return split if data == run.recipe.data.path else f"{Path(data).stem}_{split}"


def report_levels(run: Run, levels: "Sequence[Level]", chosen: "Level") -> Path:
    """Draw the mean IoU of a run's levels over what they cost; return where."""
    costs = {
        "million parameters": [level.parameters / 1e6 for level in levels],
        "images per second": [level.images_per_second for level in levels],
    }
    names = [level.head for level in levels]
    scores = [level.mean_iou for level in levels]
    picture = tradeoffs.tradeoff_picture(names, scores, costs, chosen.head)
    return _files.write_figure(run.path / "levels.png", picture)
