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
    from rich.progress import Progress

    from kseg.callbacks import Finding
    from kseg.data.augment.settings import Input
    from kseg.encoders.matching import Match
    from kseg.evaluation import Evaluation
    from kseg.machine import Device
    from kseg.runs.cross_validation import CrossValidation
    from kseg.runs.run import Run
    from kseg.training.data import TrainingData
    from kseg.training.plan import Plan

COLUMNS = 80
"""Of a line in a notebook, where what is longer than a cell is cut."""


class Watch:
    """Is told what a workflow does, when it does it; this one keeps silent."""

    def starts(self, device: "Device") -> None:
        """Hear of the device that is computed on."""

    def chose(self, why: str) -> None:
        """Hear which network was chosen, and why: a sentence, "" where nothing was open."""

    def opened(self, run: "Run", data: str) -> None:
        """Hear of the run that is used, and what it is used on."""

    def shows(self, settings: "Input") -> None:
        """Hear at which size the network is shown images."""

    def compares(self, engines: Sequence[str]) -> None:
        """Hear that engines are timed, for which the network may be converted first."""

    def loses(self, engine: str, less: float) -> None:
        """Hear of an engine that is left out, for its mean IoU is less by so much."""

    def answers(self, engine: str, found: Mapping[str, float]) -> None:
        """Hear which engine answers, and how many seconds each takes for an image, if timed."""

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

    def found(self, finding: "Finding") -> None:
        """Hear of something that is wrong with a training, when it is seen."""
        from kseg.callbacks.doctor.findings import warn

        warn(finding)

    def takes(self, found: "Match", source: str) -> None:
        """Hear which layers begin with the weights of an earlier run, and why others do not.

        Args:
            found: The layers.
            source: The run's folder.
        """

    def folds(self, run: "Run", fold: int, folds: int) -> None:
        """Hear which fold comes next, and of its run, which may be whole already."""

    def cross_validated(self, found: "CrossValidation") -> None:
        """Hear of the scores of all folds."""

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
            if console.is_jupyter:
                console.width = COLUMNS
        self.console = console
        self._bars: Progress | None = None

    def found(self, finding: "Finding") -> None:
        """Show what is wrong with a training, whole: a warning would be cut beside a bar."""
        self.console.print(printable(str(finding)), markup=False, soft_wrap=False)

    @contextmanager
    def counting(self, what: str, total: int | None) -> Iterator[Callable[[], None]]:
        """Show a bar while something is counted, how fast it goes, and the time that is left.

        Within another bar's time it stands below that one. Nothing is shown in a file.
        """
        with self._shown() as bars:
            task = bars.add_task(printable(what), total=total, speed="")
            bar = bars.tasks[bars.task_ids.index(task)]

            def advance() -> None:
                bars.advance(task)
                speed = bar.finished_speed or bar.speed
                bars.update(task, speed=f"{speed:.3g}/s" if speed else "")

            yield advance
            bars.remove_task(task)

    @contextmanager
    def _shown(self) -> "Iterator[Progress]":
        """Return the bars that are shown, or show some while this lasts."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        if self._bars is not None:
            yield self._bars
            return
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}", markup=False),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self.console,
            transient=True,
            disable=not is_live(self.console),
        ) as self._bars:
            try:
                yield self._bars
            finally:
                self._bars = None

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
