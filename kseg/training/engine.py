"""The training itself: batches, epochs, what is kept of them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kseg import _files
from kseg.callbacks import Finding, Position, ResumePoint
from kseg.callbacks.doctor.findings import warn
from kseg.callbacks.progress import UNBOUND
from kseg.data.augment.mixing import Mix, copy_paste, cutmix
from kseg.data.augment.pipelines import augmentation, write_pipeline
from kseg.data.augment.presets import is_file
from kseg.data.batches import TrainingBatches, ValidationBatches
from kseg.data.statistics import inverse_frequency
from kseg.encoders.matching import Weights
from kseg.errors import Interrupted, KsegError
from kseg.machine import Device
from kseg.models import catalog
from kseg.runs.history import read_done, write_done
from kseg.runs.recipe import write_recipe
from kseg.runs.run import Run
from kseg.training import network, starting
from kseg.training.course import Course, check_kept, make_course, seconds_of, validations
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
    start: Weights | None = None,
    tell: Callable[[Finding], None] = warn,
) -> None:
    """Train, and keep the best epoch, the last one, and what a broken-off training needs to go on.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
        run: A run folder, empty or with the state of a training of this plan, which goes on.
        callbacks: Further callbacks, such as `callbacks.Progress`.
        start: The weights of another network that this one begins with, where they match.
        tell: Is told of each thing that is found wrong with the training.

    Raises:
        Interrupted: Ctrl-C or the system ended it; the run holds what was reached.
        KsegError: The state in the folder is damaged, the loss was not finite too often, or no
            epoch was good enough to be kept.
    """
    is_resumed = run.resume_file.exists()
    write_recipe(run.recipe_file, _own(plan, run))
    if not is_resumed:
        _write_beginning(plan, data, run)
    network.set_seed(plan.seed)
    model, batches, validation = assemble(plan, data, device, load=not is_resumed)
    if start is not None and not is_resumed:
        starting.take(model, start)
    course = make_course(plan, data, run, model, batches, validation, tell)
    thaw = Thaw(plan.model.frozen_epochs, lambda: network.thaw(model, plan, data, device))
    started = time.perf_counter()
    is_finished = is_ready = False
    try:
        with stopping(course.point):
            position = Position()
            if is_resumed:
                position = _restored(model, validation, course.point, thaw)
            run.summary_file.unlink(missing_ok=True)  # of where it was broken off
            is_ready = True
            if position.ended:
                course.previews.on_train_end()
            how: dict[str, Any] = {
                "validation_data": validation,
                "validation_freq": ValidatedEpochs(plan, data, model),
                "callbacks": [*course.callbacks, *callbacks, course.point],
            }
            _fit(model, batches, position, _epochs(plan), thaw=thaw, **how)
        _write_end(plan, run, course)
        check_kept(plan, course.checkpoint)
        is_finished = True
    except KsegError as error:
        raise KsegError(f"{error}{_kept(run, course)}") from error
    except KeyboardInterrupt:
        course.point.save_what_was_reached()
        epochs = course.history.epochs if is_ready else run.epochs_reached
        raise Interrupted(run.path, epochs, plan.fixed_epochs) from None
    finally:
        waited = _closed(batches, validation) / (time.perf_counter() - started)
        if is_ready:
            course.write_summary(run.summary_file, waited, is_finished)


def _closed(batches: TrainingBatches, validation: ValidationBatches) -> float:
    """Close batches; return the seconds for which they were waited."""
    for made in (batches, validation):
        made.close()
    return batches.waited + validation.waited


def _epochs(plan: Plan) -> int:
    """Return how many epochs there are; more than ever come where something else ends them."""
    return plan.fixed_epochs or UNBOUND


def _write_end(plan: Plan, run: Run, course: Course) -> None:
    """Note how far a training by the clock was at each step, for its recipe to do the same."""
    if plan.loop.minutes:
        write_done(run.done_file, course.rate.done)
        write_recipe(run.recipe_file, _own(plan, run).changed(done=run.done_file.name))


def _kept(run: Run, course: Course) -> str:
    """Say which epoch is kept of a training that ended in an error; "" for none."""
    best = course.checkpoint.best_epoch
    return f" {run.model_file} holds epoch {best}, the best before it." if best else ""


@dataclass(frozen=True)
class Thaw:
    """When the frozen stages of an encoder begin to train, and how that is done.

    Attributes:
        epoch: The first epoch, from 0, in which they do; `None` for never.
        do: Has them train; the optimizer begins anew.
    """

    epoch: int | None
    do: Callable[[], None]

    def is_before(self, position: Position) -> bool:
        """Tell whether they train already where a step is the next one.

        At the first step of the epoch they do not: its beginning is what has them train.
        """
        return self.epoch is not None and (position.epoch, position.step) > (self.epoch, 0)


def _restored(
    model: keras.Model, validation: ValidationBatches, point: ResumePoint, thaw: Thaw
) -> Position:
    """Put all into the state in which the training was broken off; return the step that is next."""

    def prepare(position: Position) -> None:
        if thaw.is_before(position):
            thaw.do()
        model.test_on_batch(*validation[0])  # makes the metrics' variables

    return point.restore(model, prepare)


def _fit(
    model: keras.Model,
    batches: TrainingBatches,
    start: Position,
    epochs: int,
    callbacks: list[keras.callbacks.Callback],
    thaw: Thaw,
    **how: Any,
) -> None:
    """Train from a step on: to the end of its epoch, and then whole epochs.

    Where frozen stages are to train from an epoch on, all before it is fitted by itself.
    """
    if start.ended:
        return
    how |= {"callbacks": [_Numbering(batches, epochs), *callbacks], "shuffle": False, "verbose": 0}
    epoch = start.epoch
    if start.step:
        batches.first = start.step
        model.fit(batches, initial_epoch=epoch, epochs=epoch + 1, **how)
        batches.first = 0
        epoch += 1
        if model.stop_training:
            return
    for end in sorted({thaw.epoch or epochs, epochs}):
        if epoch >= end:
            continue
        if epoch == thaw.epoch:
            thaw.do()
        model.fit(batches, initial_epoch=epoch, epochs=end, **how)
        if model.stop_training:
            return
        epoch = end


class _Numbering(keras.callbacks.Callback):
    """Tells the batches their epoch, and callbacks of how many it is one: a fit may be of fewer."""

    def __init__(self, batches: TrainingBatches, epochs: int) -> None:
        super().__init__()
        self._batches, self._epochs = batches, epochs

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Tell of how many: all callbacks of a fit are given these same parameters."""
        self.params["epochs"] = self._epochs

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Tell which."""
        self._batches.epoch = epoch


def epochs_within(plan: Plan, data: TrainingData, device: Device) -> int:
    """Measure the training on this machine; return about how many epochs fit into its minutes."""
    model, batches, validation = assemble(plan, data, device)
    started = time.perf_counter()
    model.train_on_batch(*batches[0])
    model.test_on_batch(*validation[0])
    starting = time.perf_counter() - started
    step = seconds_of(lambda index: model.train_on_batch(*batches[index % len(batches)]), 8)
    check = seconds_of(lambda index: model.test_on_batch(*validation[index % len(validation)]), 3)
    every = ValidatedEpochs(plan, data).every
    epoch = step * len(batches) + check * len(validation) * validations(plan) / every
    return max(1, round((60 * (plan.loop.minutes or 0) - starting) / epoch))


def assemble(
    plan: Plan, data: TrainingData, device: Device, *, load: bool = True
) -> tuple[keras.Model, TrainingBatches, ValidationBatches]:
    """Open the batches of a plan, and build and compile its network.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
        load: Whether to load the weights that the encoder starts from.
    """
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
    model = network.compiled(plan, data, device, load=load)
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
        validated = data.val.sizes.prod(axis=1).sum() * validations(plan)
        # A pixel's way forth and back costs about three times its way forth.
        self.every = max(1, round(validated / 3 / learned / VALIDATION_SHARE))
        self._last = plan.fixed_epochs
        self._model = model

    def __contains__(self, epoch: object) -> bool:
        """Tell whether an epoch is validated."""
        if self._model is not None and self._model.stop_training:
            return True
        return isinstance(epoch, int) and ((self._last or 0) - epoch) % self.every == 0


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
