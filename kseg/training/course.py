"""The callbacks of a training: what is done and kept beside its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kseg import _calls, _files
from kseg.callbacks import (
    AsBefore,
    ByClock,
    BySteps,
    Checkpoint,
    Diagnosis,
    EarlyStopping,
    Finding,
    Findings,
    HistoryFile,
    HistoryLines,
    LearningRate,
    Plateau,
    Previews,
    Recovery,
    ResumePoint,
    WeightAverage,
)
from kseg.callbacks.pace import Pace
from kseg.data.batches import TrainingBatches, ValidationBatches
from kseg.errors import KsegError
from kseg.runs.history import read_done
from kseg.runs.loop import log_of, title_of
from kseg.runs.run import LAST_MODEL, Run
from kseg.schedules import make_schedule
from kseg.schedules.settings import SCHEDULES
from kseg.training import network
from kseg.training.data import TrainingData
from kseg.training.plan import Plan


@dataclass(frozen=True)
class Course:
    """The callbacks of a training: all of them in their order, and some by name."""

    monitor: str
    callbacks: list[keras.callbacks.Callback]
    rate: LearningRate
    checkpoint: Checkpoint
    early: EarlyStopping | None
    history: HistoryFile
    previews: Previews
    point: ResumePoint

    def write_summary(self, path: Path, waited: float, is_finished: bool) -> None:
        """Write how the training went, so far.

        Args:
            path: A JSON file.
            waited: Part of the time in which the network waited for images.
            is_finished: Whether it came to its end.
        """
        summary = {
            "best_epoch": self.checkpoint.best_epoch or 0,
            "epochs": self.history.epochs,
            "waited": waited,
            "finished": is_finished,
            "ended": self._end(),
        }
        _files.write_json(path, summary)

    def _end(self) -> str:
        """Say why the training ended before its time; "" where it did not."""
        if self.early is None or not self.early.ended:
            return ""
        last, best = self.history.epochs, self.checkpoint.record.epoch
        said = f"{title_of(self.monitor)} was at its best in epoch {best}"
        return f"after epoch {last}: {said}, {last - best} epochs before"


def make_course(
    plan: Plan,
    data: TrainingData,
    run: Run,
    model: keras.Model,
    batches: TrainingBatches,
    validation: ValidationBatches,
    tell: Callable[[Finding], None],
) -> Course:
    """Make the callbacks of a training."""
    pace = _pace(plan, model, len(batches), validation)
    rate = _rate(plan, len(batches), pace)
    averages = _averages(plan, rate, validation)
    monitor = log_of(plan.loop.monitor)
    checkpoint = Checkpoint(
        run.model_file,
        run.last_model_file,
        monitor,
        plan.loop.above,
        export=network.plain_copier(plan, len(data.splits.labels)),
        heads=run.heads_file,
    )
    labels = data.splits.labels
    history = HistoryFile(run.history_file)
    lines = HistoryLines(run.lines_file, labels.names, batches.batch_size)
    previews = Previews(run.previews_folder, data.splits.val, validation.size, run.animation_file)
    clocks = [pace] if isinstance(pace, ByClock) else []
    findings = Findings(run.findings_file, tell)
    recovery = Recovery(rate, findings, averages, plan.loop.recoveries, batches)
    doctor = Diagnosis(findings, labels.names, batches, monitor, labels.ignore)
    early = EarlyStopping(plan.loop.patience, monitor) if plan.loop.patience else None
    watching = [*_plateaus(plan, rate), *([early] if early else [])]
    kept = [checkpoint, history, lines, previews]
    callbacks = [*clocks, rate, recovery, doctor, *averages, *kept, *watching]
    parts: dict[str, Any] = {type(part).__name__: part for part in callbacks}
    note = {"training images": len(data.splits.train), "validation images": len(data.splits.val)}
    point = ResumePoint(run.resume_file, parts, plan.loop.checkpoint_minutes, note)
    return Course(plan.loop.monitor, callbacks, rate, checkpoint, early, history, previews, point)


def _pace(plan: Plan, model: keras.Model, steps: int, validation: ValidationBatches) -> Pace:
    """Return what tells how far the training is, whose epochs are of so many steps."""
    if plan.loop.done:
        return AsBefore(read_done(Path(plan.loop.done)))
    if not plan.loop.minutes:
        return BySteps(plan.loop.epochs * steps)
    model.test_on_batch(*validation[0])
    check = seconds_of(
        lambda index: model.test_on_batch(*validation[index]), min(2, len(validation))
    )
    return ByClock(60 * plan.loop.minutes, check * len(validation) * validations(plan))


def _rate(plan: Plan, steps_per_epoch: int, pace: Pace) -> LearningRate:
    """Return the callback that sets the learning rate."""
    epochs = plan.loop.epochs
    steps = epochs * steps_per_epoch
    schedule = make_schedule(plan.schedule, plan.optimizer.learning_rate, steps, epochs)
    return LearningRate(schedule, steps, pace)


def _averages(plan: Plan, rate: LearningRate, validation: ValidationBatches) -> list[WeightAverage]:
    """Return the callback that averages the weights over a part of the steps, if one is wanted."""
    part = plan.loop.average
    monitor = log_of(plan.loop.monitor)
    return [WeightAverage(lambda: part * rate.expected_steps, validation, monitor)] if part else []


def _plateaus(plan: Plan, rate: LearningRate) -> list[Plateau]:
    """Return the callback that lets the rate fall on a plateau, if the schedule is to."""
    call = _calls.read(plan.schedule.name, SCHEDULES, "schedule")
    if call.name != "plateau":
        return []
    return [Plateau(rate, monitor=log_of(plan.loop.monitor), **call.options)]


def check_kept(plan: Plan, checkpoint: Checkpoint) -> None:
    """Refuse a training of which no epoch was good enough.

    Raises:
        KsegError: None was.
    """
    if checkpoint.best_epoch is None:
        record, loop = checkpoint.record, plan.loop
        side = "below" if loop.monitor == "loss" else "above"
        raise KsegError(
            f"No epoch is kept: {title_of(loop.monitor)} was {abs(record.merit):.4g} at best, in "
            f"epoch {record.epoch}, and is kept only {side} {loop.above:g} (above=). {LAST_MODEL} "
            "holds the last epoch."
        )


def validations(plan: Plan) -> int:
    """Return how often an epoch is validated: with an average of the weights, both networks are."""
    return 2 if plan.loop.average else 1


def seconds_of(call: Callable[[int], object], times: int) -> float:
    """Return the seconds that a call takes, on average, with the numbers from 0 on."""
    start = time.perf_counter()
    for index in range(times):
        call(index)
    return (time.perf_counter() - start) / times
