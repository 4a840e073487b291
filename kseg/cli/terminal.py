"""What commands print, and how: rich on a terminal, plain lines in a file."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, cast

from kseg._text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.evaluation import Evaluation
    from kseg.runs.cross_validation import CrossValidation


def open_console() -> "Console":
    """Return the console; in a file its lines are wide enough for a table."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    if not console.is_terminal:
        file = cast("IO[str]", Outlet(sys.stdout))
        console = Console(highlight=False, soft_wrap=True, emoji=False, width=120, file=file)
    return console


class Outlet:
    """A stream whose reader may go, as `head` does, without ending what is being done."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, if it is still read."""
        with self._read():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written, if it is still read."""
        with self._read():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def print_facts(console: "Console", facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    for name, value in facts:
        console.print(f"[bold]{name:<10}[/bold] ", end="")
        console.print(printable(value), markup=False)


def print_scores(console: "Console", evaluation: "Evaluation", split: str) -> None:
    """Print the table per class and the means."""
    from kseg.reports.tables import class_table

    _print_table(console, *class_table(evaluation))
    print_facts(console, _means(evaluation, split))


def print_folds(console: "Console", found: "CrossValidation") -> None:
    """Print mean and spread per class over the folds of a cross-validation."""
    from kseg.reports.tables import fold_table

    _print_table(console, *fold_table(found.labels.names, found.iou, found.mean_iou))
    print_facts(
        console,
        [
            ("over", f"{len(found.runs)} folds: mean and standard deviation of the IoU of each"),
            ("written", str(found.path)),
        ],
    )


def _print_table(console: "Console", titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title == "class" else "right")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def _means(evaluation: "Evaluation", split: str) -> list[tuple[str, str]]:
    scores = evaluation.scores
    lower, upper = evaluation.interval
    groups = len(set(evaluation.groups.tolist()))
    drawn = "its images"
    if groups < evaluation.images:
        drawn = f"them, in {groups} groups of neighbours by their names"
    facts = [
        (
            "mean",
            f"IoU {scores.mean_iou:.3f}, Dice {scores.mean_dice:.3f}, "
            f"pixel accuracy {scores.pixel_accuracy:.3f}, "
            f"mean pixel accuracy {scores.mean_pixel_accuracy:.3f}",
        ),
        (
            "over",
            f"{evaluation.images} images of {split}: one confusion matrix of all valid "
            "pixels, the mean over its classes",
        ),
        ("interval", f"IoU {lower:.3f} to {upper:.3f} in 95 % of data sets drawn from {drawn}"),
    ]
    return facts + _gain(evaluation) + _borders(evaluation) + _calibration(evaluation)


def _gain(evaluation: "Evaluation") -> list[tuple[str, str]]:
    gain = evaluation.gain
    if gain is None:
        return []
    lower, upper = gain.interval
    return [
        (
            "gain",
            f"IoU {gain.mean_iou:+.3f} over {gain.over} alone, {lower:+.3f} to {upper:+.3f} in "
            f"95 % of data sets, in {gain.cost:.1f} times the time",
        )
    ]


def _borders(evaluation: "Evaluation") -> list[tuple[str, str]]:
    if evaluation.border is None:
        return []
    f1, iou, hausdorff, surface = evaluation.border.means.values()
    if f1 != f1:
        return [("borders", "none to score: nowhere do two classes meet outside of void")]
    return [
        (
            "borders",
            f"F1 {f1:.3f}, IoU {iou:.3f} within {evaluation.border.tolerance:g} pixels, the mean "
            "over classes of counts over all images",
        ),
        (
            "",
            f"95 % Hausdorff distance {hausdorff:.1f}, average surface distance {surface:.2f} "
            "pixels, the mean over classes of the mean over images that hold both",
        ),
    ]


def _calibration(evaluation: "Evaluation") -> list[tuple[str, str]]:
    if evaluation.calibration is None:
        return []
    if evaluation.is_collapsed:
        return [("calibrated", "says nothing: the model predicts one class everywhere")]
    error, gap = evaluation.calibration.expected_error, evaluation.calibration.overconfidence
    before = ""
    if evaluation.uncalibrated is not None:
        before = f", {evaluation.uncalibrated.expected_error:.3f} before its temperature"
    return [
        (
            "calibrated",
            f"expected calibration error {error:.3f} of all pixels{before}; the model is "
            f"{abs(gap):.3f} too {'sure' if gap > 0 else 'doubtful'}",
        )
    ]
