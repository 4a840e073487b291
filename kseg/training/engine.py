"""The training itself: batches, epochs, what is kept of them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kseg import _files
from kseg.callbacks import (
    AsBefore,
    ByClock,
    BySteps,
    Checkpoint,
    HistoryFile,
    LearningRate,
    Position,
    ResumePoint,
    WeightAverage,
)
from kseg.callbacks.pace import Pace
from kseg.callbacks.progress import UNBOUND
from kseg.data.augment.mixing import Mix, copy_paste, cutmix
from kseg.data.augment.pipelines import augmentation, write_pipeline
from kseg.data.augment.presets import is_file
from kseg.data.batches import TrainingBatches, ValidationBatches
from kseg.data.statistics import inverse_frequency
from kseg.errors import Interrupted
from kseg.machine import Device
from kseg.models import catalog
from kseg.runs.history import read_done, write_done
from kseg.runs.recipe import write_recipe
from kseg.runs.run import Run
from kseg.schedules import make_schedule
from kseg.training import network
from kseg.training.data import TrainingData
from kseg.training.plan import Plan
from kseg.training.stopping import stopping

VALIDATION_SHARE = 0.1
"""Validation is spread over so many epochs that it takes about this part of the time."""


def train(
    plan: Plan,
    data: TrainingData,
    device: Device,
    run: Run,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train, and keep the best epoch, the last one, and what a broken-off training needs to go on.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
        run: A run folder, empty or with the state of a training of this plan, which goes on.
        callbacks: Further callbacks, such as `callbacks.Progress`.

    Raises:
        Interrupted: Ctrl-C or the system ended it; the run holds what was reached.
        KsegError: The state in the folder is damaged.
    """
    is_resumed = run.resume_file.exists()
    write_recipe(run.recipe_file, _own(plan, run))
    if not is_resumed:
        _write_beginning(plan, data, run)
    network.set_seed(plan.seed)
    model, batches, validation = assemble(plan, data, device)
    course = _course(plan, data, run, model, batches, validation)
    started = time.perf_counter()
    is_finished = False
    try:
        with stopping(course.point):
            _fit(
                model,
                batches,
                _restored(model, validation, course.point) if is_resumed else Position(),
                epochs=UNBOUND if plan.loop.minutes or plan.loop.done else plan.loop.epochs,
                validation_data=validation,
                validation_freq=ValidatedEpochs(plan, data, model),
                callbacks=[*course.callbacks, *callbacks, course.point],
            )
        if plan.loop.minutes:
            write_done(run.done_file, course.rate.done)
            write_recipe(run.recipe_file, _own(plan, run).changed(done=run.done_file.name))
        is_finished = True
    except KeyboardInterrupt:
        course.point.save_what_was_reached()
        raise Interrupted(run.path, course.history.epochs, plan.loop.epochs) from None
    finally:
        seconds = time.perf_counter() - started
        summary = {
            "best_epoch": course.checkpoint.best_epoch or 0,
            "epochs": course.history.epochs,
            "waited": (batches.waited + validation.waited) / seconds,
            "finished": is_finished,
        }
        _files.write_json(run.summary_file, summary)


@dataclass(frozen=True)
class _Course:
    """The callbacks of a training: all of them in their order, and some by name."""

    callbacks: list[keras.callbacks.Callback]
    rate: LearningRate
    checkpoint: Checkpoint
    history: HistoryFile
    point: ResumePoint


def _course(
    plan: Plan,
    data: TrainingData,
    run: Run,
    model: keras.Model,
    batches: TrainingBatches,
    validation: ValidationBatches,
) -> _Course:
    """Make the callbacks of a training."""
    pace = _pace(plan, model, len(batches), validation)
    rate = _rate(plan, len(batches), pace)
    averages = _averages(plan, rate, validation)
    checkpoint = Checkpoint(
        run.model_file,
        run.last_model_file,
        export=network.plain_copier(plan, len(data.splits.labels)),
        heads=run.heads_file,
    )
    history = HistoryFile(run.history_file)
    clocks = [pace] if isinstance(pace, ByClock) else []
    callbacks = [*clocks, rate, *averages, checkpoint, history]
    parts: dict[str, Any] = {type(part).__name__: part for part in callbacks}
    note = {"training images": len(data.splits.train), "validation images": len(data.splits.val)}
    point = ResumePoint(run.resume_file, parts, plan.loop.checkpoint_minutes, note)
    return _Course(callbacks, rate, checkpoint, history, point)


def _restored(model: keras.Model, validation: ValidationBatches, point: ResumePoint) -> Position:
    """Put all into the state in which the training was broken off; return the step that is next."""
    model.test_on_batch(*validation[0])  # makes the metrics' variables
    return point.restore(model)


def _fit(
    model: keras.Model,
    batches: TrainingBatches,
    start: Position,
    epochs: int,
    callbacks: list[keras.callbacks.Callback],
    **how: Any,
) -> None:
    """Train from a step on: to the end of its epoch, and then whole epochs."""
    if start.ended:
        return
    numbering = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
    )
    how |= {"callbacks": [numbering, *callbacks], "shuffle": False, "verbose": 0}
    epoch = start.epoch
    if start.step:
        batches.first = start.step
        model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, **how)
        batches.first = 0
        epoch += 1
        if model.stop_training:
            return
    if epoch < epochs:
        model.fit(batches, initial_epoch=epoch, epochs=epochs, **how)


def epochs_within(plan: Plan, data: TrainingData, device: Device) -> int:
    """Measure the training on this machine; return about how many epochs fit into its minutes."""
    model, batches, validation = assemble(plan, data, device)
    started = time.perf_counter()
    model.train_on_batch(*batches[0])
    model.test_on_batch(*validation[0])
    starting = time.perf_counter() - started
    step = _seconds(lambda index: model.train_on_batch(*batches[index % len(batches)]), 8)
    check = _seconds(lambda index: model.test_on_batch(*validation[index % len(validation)]), 3)
    every = ValidatedEpochs(plan, data).every
    epoch = step * len(batches) + check * len(validation) * _validations(plan) / every
    return max(1, round((60 * (plan.loop.minutes or 0) - starting) / epoch))


def assemble(
    plan: Plan, data: TrainingData, device: Device
) -> tuple[keras.Model, TrainingBatches, ValidationBatches]:
    """Open the batches of a plan, and build and compile its network."""
    labels, size = data.splits.labels, plan.input.size
    rarity = inverse_frequency(data.train.pixels).tolist()
    mixes: dict[str, Mix | None] = {
        "none": None,
        "cutmix": cutmix,
        "copy-paste": copy_paste(rarity),
    }
    augment = augmentation(
        data.pipeline,
        size,
        labels.ignore,
        plan.input.scale,
        rarity if plan.input.crop == "rare" else None,
        plan.data.channels,
    )
    batches = TrainingBatches(
        data.splits.train, plan.loop.batch_size, augment, plan.seed, mix=mixes[plan.input.mix]
    )
    height, width = data.val.sizes.max(axis=0)
    stride = catalog.stride(plan.model)
    padded = (height + -height % stride, width + -width % stride)
    validation = ValidationBatches(data.splits.val, plan.loop.batch_size, padded)
    model = network.compiled(plan, data, device)
    return model, batches, validation


class ValidatedEpochs(list[int]):
    """The epochs, from 1, that are validated: the last, and as many as cost little.

    How many there are is not always known before: it is a list by name alone, as Keras wants one,
    and tells whether it holds an epoch.

    Args:
        plan: What is done.
        data: What is learned from.
        model: The model in training, which tells in its last epoch that it stops.
    """

    def __init__(self, plan: Plan, data: TrainingData, model: keras.Model | None = None) -> None:
        super().__init__()
        learned = len(data.splits.train) * math.prod(plan.input.size)
        validated = data.val.sizes.prod(axis=1).sum() * _validations(plan)
        # A pixel's way forth and back costs about three times its way forth.
        self.every = max(1, round(validated / 3 / learned / VALIDATION_SHARE))
        is_open = plan.loop.minutes or plan.loop.done
        self._last = None if is_open else plan.loop.epochs
        self._model = model

    def __contains__(self, epoch: object) -> bool:
        """Tell whether an epoch is validated."""
        if self._model is not None and self._model.stop_training:
            return True
        return isinstance(epoch, int) and ((self._last or 0) - epoch) % self.every == 0


def _pace(plan: Plan, model: keras.Model, steps: int, validation: ValidationBatches) -> Pace:
    """Return what tells how far the training is, whose epochs are of so many steps."""
    if plan.loop.done:
        return AsBefore(read_done(Path(plan.loop.done)))
    if not plan.loop.minutes:
        return BySteps(plan.loop.epochs * steps)
    model.test_on_batch(*validation[0])
    check = _seconds(lambda index: model.test_on_batch(*validation[index]), min(2, len(validation)))
    return ByClock(60 * plan.loop.minutes, check * len(validation) * _validations(plan))


def _rate(plan: Plan, steps_per_epoch: int, pace: Pace) -> LearningRate:
    """Return the callback that sets the learning rate."""
    epochs = plan.loop.epochs
    steps = epochs * steps_per_epoch
    schedule = make_schedule(plan.schedule, plan.optimizer.learning_rate, steps, epochs)
    return LearningRate(schedule, steps, pace)


def _validations(plan: Plan) -> int:
    """Return how often an epoch is validated: with an average of the weights, both networks are."""
    return 2 if plan.loop.average else 1


def _averages(plan: Plan, rate: LearningRate, validation: ValidationBatches) -> list[WeightAverage]:
    """Return the callback that averages the weights over a part of the steps, if one is wanted."""
    part = plan.loop.average
    return [WeightAverage(lambda: part * rate.expected_steps, validation)] if part else []


def _write_beginning(plan: Plan, data: TrainingData, run: Run) -> None:
    """Write what is known of a run before its first step."""
    if plan.loop.done:
        write_done(run.done_file, read_done(Path(plan.loop.done)))
    if data.skipped:
        _files.write_json(run.skipped_file, data.skipped)
    if plan.data.path != "shapes":
        content = {"notes": data.splits.notes, "split_off": data.split_off}
        _files.write_json(run.splits_file, content)
    write_pipeline(run.augmentation_file, data.pipeline, plan.input.size, plan.input.scale)
    _files.write_json(run.classes_file, data.splits.labels.to_dict())


def _own(plan: Plan, run: Run) -> Plan:
    """Return the plan with the run's own copies of files, whatever becomes of the user's."""
    if is_file(plan.input.augment):
        plan = plan.changed(augment=run.augmentation_file.name)
    return plan.changed(done=run.done_file.name) if plan.loop.done else plan


def _seconds(call: Callable[[int], object], times: int) -> float:
    start = time.perf_counter()
    for index in range(times):
        call(index)
    return (time.perf_counter() - start) / times
