"""Scores as tables of text."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kseg import _files
from kseg.metrics.scores import deviation_of, mean_of

if TYPE_CHECKING:
    from kseg.evaluation import Evaluation

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


def class_table(evaluation: "Evaluation") -> tuple[list[str], list[Sequence[str]]]:
    """Return the scores per class as text: the titles of the columns, and a row per class."""
    columns = evaluation.columns
    digits = {"hausdorff_95": 1, "surface_distance": 2}
    cells = [
        ["absent" if value != value else f"{value:.{digits.get(name, 3)}f}" for value in column]
        for name, column in columns.items()
    ]
    pixels = [f"{count:,}" for count in evaluation.scores.pixels]
    titles = ["class", *(TITLES[name] for name in columns), "pixels"]
    return titles, list(zip(evaluation.labels.names, *cells, pixels, strict=True))


def fold_table(
    names: Sequence[str], iou: np.ndarray, mean_iou: np.ndarray
) -> tuple[list[str], list[Sequence[str]]]:
    """Return the IoU over folds as text: the titles of the columns, a row per class and the mean.

    Args:
        names: The classes.
        iou: IoU of each class in each fold, `(folds, classes)`; NaN where it is absent.
        mean_iou: Mean IoU of each fold.
    """
    columns = zip([*names, "mean IoU"], [*iou.T, mean_iou], strict=True)
    rows: list[Sequence[str]] = [
        [name, *(_three(value) for value in (mean_of(values), deviation_of(values), *values))]
        for name, values in columns
    ]
    return ["class", "mean", "deviation", *(f"fold {i + 1}" for i in range(len(iou)))], rows


def _three(value: float) -> str:
    return "absent" if value != value else f"{value:.3f}"


def doubtful_images(evaluation: "Evaluation") -> list[tuple[str, float, float]]:
    """Return name, uncertainty and mean IoU of each image, the least sure first."""
    if evaluation.uncertainty is None:
        return []
    values = (evaluation.uncertainty.tolist(), evaluation.image_scores["mean_iou"].tolist())
    rows = zip(evaluation.names, *values, strict=True)
    return sorted(rows, key=lambda row: -row[1])


def write_doubts(doubts: Sequence[tuple[str, float]], path: Path) -> list[tuple[str, float]]:
    """Write the uncertainty of images as CSV, the least sure first.

    Args:
        doubts: Name and uncertainty of each.
        path: The file.

    Returns:
        The same in that order.
    """
    ordered = sorted(doubts, key=lambda row: -row[1])
    write_table(path, ["image", "uncertainty"], [(n, f"{v:.4f}") for n, v in ordered])
    return ordered


def of_shard(path: Path, shard: tuple[int, int]) -> Path:
    """Return what a file of all images is called where they are the i-th of n parts."""
    number, count = shard
    return path if count == 1 else path.with_stem(f"{path.stem}_{number}_of_{count}")


def write_table(path: Path, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """Write a table as CSV; return where."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(titles)
    table.writerows(rows)
    _files.write_text(path, text.getvalue())
    return path


def worst_images(evaluation: "Evaluation") -> list[tuple]:
    """Return name, mean IoU and pixel accuracy of each image, the worst first, void ones last."""
    rows = zip(evaluation.names, *evaluation.image_scores.values(), strict=True)
    return sorted(rows, key=lambda row: (row[1] != row[1], row[1]))
