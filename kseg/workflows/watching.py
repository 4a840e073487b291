"""What a workflow tells while it works: nothing, bars, or more."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from kseg._text import printable

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from kseg.evaluation import Evaluation
    from kseg.machine import Device
    from kseg.runs.run import Run
    from kseg.training.data import TrainingData
    from kseg.training.plan import Plan


class Watch:
    """Is told what a workflow does, when it does it; this one keeps silent."""

    def starts(self, device: "Device") -> None:
        """Hear of the device that is computed on."""

    def chose(self, why: str) -> None:
        """Hear which network was chosen, and why: a sentence, "" where nothing was open."""

    def opened(self, run: "Run", data: str) -> None:
        """Hear of the run that is used, and what it is used on."""

    def downloads(self, what: str) -> None:
        """Hear of a download, before it starts."""

    def imported(self, name: str, folder: Path) -> None:
        """Hear of a data set that was written as files."""

    def read(self, data: "TrainingData", path: str) -> None:
        """Hear of the training data, read and found whole."""

    def tidied(self, removed: Sequence[Path]) -> None:
        """Hear of folders, removed, that killed processes left with nothing in them."""

    def resumes(self, run: "Run") -> None:
        """Hear of a training that goes on."""

    def measures(self, minutes: float) -> None:
        """Hear that the speed of a training is measured."""

    def timed(self, found: Mapping[str, float]) -> None:
        """Hear how many seconds a step takes in each number format."""

    def planned(self, plan: "Plan") -> None:
        """Hear what will be done."""

    def kept(self, run: "Run", shrunk_to: int | None) -> None:
        """Hear of the epoch that a training keeps, before it is scored at full size.

        Args:
            run: The run.
            shrunk_to: The longest side at which its epochs were scored; `None` for full size.
        """

    def scored(self, evaluation: "Evaluation", split: str) -> None:
        """Hear of scores."""

    def written(self, paths: Sequence[Path]) -> None:
        """Hear of files that were written."""

    def counting(self, what: str, total: int | None) -> AbstractContextManager[Callable[[], None]]:
        """Return a context that gives a function to call after each of `total` items."""
        return nullcontext(lambda: None)

    def training(self) -> "AbstractContextManager[list[keras.callbacks.Callback]]":
        """Return a context that gives callbacks for `model.fit`."""
        return nullcontext([])


class Bars(Watch):
    """Shows bars on a terminal and in a notebook, and a line per epoch."""

    def __init__(self, console: "Console | None" = None) -> None:
        if console is None:
            from rich.console import Console

            console = Console(highlight=False, soft_wrap=True, emoji=False)
        self.console = console

    @contextmanager
    def counting(self, what: str, total: int | None) -> Iterator[Callable[[], None]]:
        """Show a bar while something is counted; nothing in a file."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=self.console,
            transient=True,
            disable=not is_live(self.console),
        ) as bar:
            task = bar.add_task(printable(what), total=total)
            yield lambda: bar.advance(task)

    @contextmanager
    def training(self) -> "Iterator[list[keras.callbacks.Callback]]":
        """Show epoch, step and loss."""
        from kseg.callbacks import Progress

        progress = Progress(self.console, is_live=is_live(self.console))
        try:
            yield [progress]
        finally:
            progress.close()


def is_live(console: "Console") -> bool:
    """Tell whether a bar can move: on a terminal, and in a notebook that has widgets."""
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal


def watching(progress: bool | Watch) -> Watch:
    """Return what `progress=` asks for: silence, bars, or a watch of the caller's own."""
    if isinstance(progress, Watch):
        return progress
    return Bars() if progress else Watch()
