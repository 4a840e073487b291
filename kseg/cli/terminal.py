"""What commands print, and how: rich on a terminal, plain lines in a file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.evaluation import Evaluation
    from kseg.machine import Device


def open_console() -> "Console":
    """Return the console; in a file its lines are wide enough for a table."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, emoji=False, width=120)
    return console


def print_facts(console: "Console", facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    for name, value in facts:
        console.print(f"[bold]{name:<10}[/bold] ", end="")
        console.print(value, markup=False)


def print_device(console: "Console", backend: str, device: "Device") -> None:
    """Print what is computed on, and why a GPU is not used."""
    print_facts(console, [("device", f"{device.name} ({device.kind.upper()}), {backend}")])
    if device.problem:
        print_facts(console, [("", device.problem)])


def print_scores(console: "Console", evaluation: "Evaluation", split: str) -> None:
    """Print the table a class and the means."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kseg.reports import class_table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class")
    for name in ("IoU", "Dice", "accuracy", "pixels"):
        table.add_column(name, justify="right")
    for row in class_table(evaluation):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    means = evaluation.scores.means
    print_facts(
        console,
        [
            (
                "mean",
                f"IoU {means['mean_iou']:.3f}, Dice {means['mean_dice']:.3f}, "
                f"pixel accuracy {means['pixel_accuracy']:.3f}, "
                f"mean pixel accuracy {means['mean_pixel_accuracy']:.3f}",
            ),
            (
                "over",
                f"{evaluation.images} images of {split}: one confusion matrix of all valid "
                "pixels, the mean over its classes",
            ),
        ],
    )


@contextmanager
def counting(console: "Console", what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal while something is counted; nothing in a file.

    Yields:
        A function to call after each item, from any thread.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
