"""Runs and evaluations as files in the run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kseg import _files
from kseg.data.samples import Samples
from kseg.evaluation import Evaluation
from kseg.inference import Predictor
from kseg.models.names import is_head
from kseg.plots import (
    calibration,
    curves,
    graphs,
    matrices,
    ranking,
    rates,
    sheets,
    tradeoffs,
)
from kseg.reports.tables import doubtful_images, worst_images, write_table
from kseg.runs.run import Run

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from kseg.evaluation.levels import Level
    from kseg.training.rate_test import RateTest


def report_training(run: Run) -> Path | None:
    """Draw a run's curves; return where, or `None` before the first epoch."""
    if not run.history_file.exists():
        return None
    return _files.write_figure(run.path / "curves.png", curves_of(run))


def curves_of(run: Run) -> "Figure":
    """Draw what the run's files tell of its epochs."""
    history = run.history
    heads = [name for name in history if is_head(name)]
    kept = run.best_epoch if run.summary_file.exists() else 0
    return curves.training_curves(history, heads, kept or None, run.class_iou)


def report_predictions(
    run: Run, predictor: Predictor, samples: Samples, evaluation: Evaluation
) -> Path | None:
    """Draw the best image of a data set, the median and the two worst; return where.

    Args:
        run: The run that was scored.
        predictor: Predicts as it was scored.
        samples: The data set.
        evaluation: Its scores.

    Returns:
        The picture; `None` where no image holds a valid pixel.
    """
    order = ordered(evaluation)
    if not order:
        return None
    named = {0: "worst", 1: "second worst", len(order) // 2: "median", len(order) - 1: "best"}
    rows = []
    for place in sorted((place for place in named if place < len(order)), reverse=True):
        sample = samples[order[place]]
        score = evaluation.image_scores["mean_iou"][order[place]]
        said = f"{named[place]}: mean IoU {score:.3f}\n{sample.name}"
        rows.append((said, sample.image, sample.mask, predictor.predict([sample.image])[0]))
    picture = sheets.comparison(rows, samples.labels)
    return _files.write_figure(run.path / "predictions.png", picture)


def ordered(evaluation: Evaluation) -> list[int]:
    """Return the images by their mean IoU, the worst first; those without a valid pixel go."""
    scores = evaluation.image_scores["mean_iou"]
    return [
        int(index) for index in np.argsort(scores, kind="stable") if not np.isnan(scores[index])
    ]


def report_network(model: "keras.Model", path: Path, title: str) -> Path:
    """Draw a network's parts as a picture; return where."""
    from kseg.models.measures import parts

    return _files.write_figure(path, graphs.network_picture(*parts(model), title))


def report_evaluation(
    run: Run,
    evaluation: Evaluation,
    data: str,
    split: str,
    kind: str = "png",
    how: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write an evaluation as JSON, its confusion matrix and reliability as pictures; say where.

    Args:
        run: The run that was scored.
        evaluation: Its scores.
        data: What it was scored on; anything but the run's own data stands in the files' names.
        split: Split of the data.
        kind: Format of the pictures: "png", "svg" or "pdf".
        how: What the answers depended on beside the network, such as views and engines.
    """
    label = label_of(run, data, split)
    scores = run.path / f"evaluation_{label}.json"
    told = {"data": data, "split": split, "how": how}
    _files.write_json(scores, told | evaluation.to_dict())
    picture = matrices.confusion_picture(evaluation.scores.matrix, evaluation.labels)
    written = [scores, _files.write_figure(run.path / f"confusion_{label}.{kind}", picture)]
    if evaluation.calibration is not None:
        found = evaluation.calibration
        picture = calibration.reliability_picture(
            found.pixels,
            found.confidence,
            found.correct,
            found.expected_error,
            is_collapsed=evaluation.is_collapsed,
        )
        written.append(_files.write_figure(run.path / f"reliability_{label}.{kind}", picture))
    return written


def report_images(run: Run, evaluation: Evaluation, data: str, split: str) -> Path:
    """Write the scores of each image by itself as CSV, the worst first; return where."""
    path = run.path / f"images_{label_of(run, data, split)}.csv"
    rows = ((name, *map(_four, values)) for name, *values in worst_images(evaluation))
    return write_table(path, ["image", *evaluation.image_scores], rows)


def report_ranking(
    run: Run, evaluation: Evaluation, data: str, split: str, kind: str = "png"
) -> list[Path]:
    """Write what to look at first as CSV, and draw how well that order is chosen; say where.

    Args:
        run: The run that was scored.
        evaluation: Its scores, with the uncertainty of each image.
        data: What it was scored on.
        split: Split of the data.
        kind: Format of the picture: "png", "svg" or "pdf".
    """
    found, label = evaluation.ranking, label_of(run, data, split)
    if found is None:
        return []
    areas = (found.area, found.random_area, found.oracle_area)
    picture = ranking.risk_coverage_picture(found.coverages, found.risks, found.best_risks, areas)
    rows = ([name, *map(_four, values)] for name, *values in doubtful_images(evaluation))
    return [
        write_table(run.path / f"ranking_{label}.csv", ["image", "uncertainty", "mean_iou"], rows),
        _files.write_figure(run.path / f"risk_coverage_{label}.{kind}", picture),
    ]


def report_rate_test(found: "RateTest", path: Path) -> list[Path]:
    """Draw what the loss did while the rate rose, and write it as CSV beside; say where."""
    smoothed = found.smoothed
    picture = rates.rate_test_picture(found.rates, found.losses, smoothed, found.suggestion)
    values = zip(found.rates, found.losses, smoothed, strict=True)
    rows = ([f"{value:.6g}" for value in row] for row in values)
    table = path.with_suffix(".csv")
    return [
        _files.write_figure(path, picture),
        write_table(table, ["learning_rate", "loss", "smoothed"], rows),
    ]


def _four(value: float) -> str:
    return "" if value != value else f"{value:.4f}"


def label_of(run: Run, data: str, split: str) -> str:
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
