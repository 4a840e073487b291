"""Scores as tables of text."""

from collections.abc import Sequence

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


def class_table(evaluation: Evaluation) -> tuple[list[str], list[Sequence[str]]]:
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


def worst_images(evaluation: Evaluation) -> list[tuple]:
    """Return name, mean IoU and pixel accuracy of each image, the worst first, void ones last."""
    rows = zip(evaluation.names, *evaluation.image_scores.values(), strict=True)
    return sorted(rows, key=lambda row: (row[1] != row[1], row[1]))
