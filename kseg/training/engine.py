"""The training itself: batches, epochs, what is kept of them."""

import math
import time
from collections.abc import Callable, Sequence

import keras

from kseg import _files
from kseg.callbacks import Checkpoint, HistoryFile, WeightAverage
from kseg.data.augment.mixing import Mix, copy_paste, cutmix
from kseg.data.augment.pipelines import augmentation, write_pipeline
from kseg.data.augment.presets import is_file
from kseg.data.batches import TrainingBatches, ValidationBatches
from kseg.data.statistics import inverse_frequency
from kseg.errors import Interrupted
from kseg.machine import Device
from kseg.models import catalog
from kseg.runs.recipe import write_recipe
from kseg.runs.run import Run
from kseg.training import network
from kseg.training.data import TrainingData
from kseg.training.plan import Plan

VALIDATION_SHARE = 0.1
"""Validation is spread over so many epochs that it takes about this part of the time."""


def train(
    plan: Plan,
    data: TrainingData,
    device: Device,
    run: Run,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train, and keep the best epoch and the last one.

    Args:
        plan: What is done.
        data: What is learned from.
        device: What it is done on.
        run: An empty run folder.
        callbacks: Further callbacks, such as `callbacks.Progress`.

    Raises:
        Interrupted: Ctrl-C broke it off; the run holds what was reached.
    """
    _write_beginning(plan, data, run)
    network.set_seed(plan.seed)
    model, batches, validation = assemble(plan, data, device)
    checkpoint = Checkpoint(
        run.model_file,
        run.last_model_file,
        export=network.plain_copier(plan, len(data.splits.labels)),
        heads=run.heads_file,
    )
    history = keras.callbacks.History()
    started = time.perf_counter()
    try:
        model.fit(
            batches,
            epochs=plan.loop.epochs,
            validation_data=validation,
            validation_freq=validated_epochs(plan, data),
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
                ),
                *_averages(plan, len(batches) * plan.loop.epochs, validation),
                checkpoint,
                HistoryFile(run.history_file),
                history,
                *callbacks,
            ],
        )
    except KeyboardInterrupt:
        if not run.model_file.exists():
            checkpoint.save(run.model_file)
        raise Interrupted(run.path, len(history.epoch), plan.loop.epochs) from None
    finally:
        seconds = time.perf_counter() - started
        summary = {
            "best_epoch": checkpoint.best_epoch or 0,
            "epochs": len(history.epoch),
            "waited": (batches.waited + validation.waited) / seconds,
        }
        _files.write_json(run.summary_file, summary)


def epochs_within(plan: Plan, data: TrainingData, device: Device, minutes: float) -> int:
    """Measure the training on this machine; return the epochs that fit into `minutes`."""
    model, batches, validation = assemble(plan, data, device)
    started = time.perf_counter()
    model.train_on_batch(*batches[0])
    model.test_on_batch(*validation[0])
    starting = time.perf_counter() - started
    step = _seconds(lambda index: model.train_on_batch(*batches[index % len(batches)]), 8)
    check = _seconds(lambda index: model.test_on_batch(*validation[index % len(validation)]), 3)
    share = len(validated_epochs(plan, data)) / plan.loop.epochs
    epoch = step * len(batches) + share * check * len(validation) * _validations(plan)
    return max(1, int((60 * minutes - starting) / epoch))


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
    model = network.compiled(plan, data, device, len(batches) * plan.loop.epochs)
    return model, batches, validation


def validated_epochs(plan: Plan, data: TrainingData) -> list[int]:
    """Choose the epochs to validate, the last among them: all of them where that costs little."""
    learned = len(data.splits.train) * math.prod(plan.input.size)
    validated = data.val.sizes.prod(axis=1).sum() * _validations(plan)
    # A pixel's way forth and back costs about three times its way forth.
    every = max(1, round(validated / 3 / learned / VALIDATION_SHARE))
    return sorted(range(plan.loop.epochs, 0, -every))


def _validations(plan: Plan) -> int:
    """Return how often an epoch is validated: with an average of the weights, both networks are."""
    return 2 if plan.loop.average else 1


def _averages(plan: Plan, steps: int, validation: ValidationBatches) -> list[WeightAverage]:
    """Return the callback that averages the weights over a part of the steps, if one is wanted."""
    part = plan.loop.average
    return [WeightAverage(part * steps, validation)] if part else []


def _write_beginning(plan: Plan, data: TrainingData, run: Run) -> None:
    """Write what is known of a run before its first step."""
    # The run's own copy makes the same run again, whatever becomes of the user's file.
    own = run.augmentation_file.name if is_file(plan.input.augment) else plan.input.augment
    write_recipe(run.recipe_file, plan.changed(augment=own))
    if data.skipped:
        _files.write_json(run.skipped_file, data.skipped)
    if plan.data.path != "shapes":
        content = {"notes": data.splits.notes, "split_off": data.split_off}
        _files.write_json(run.splits_file, content)
    write_pipeline(run.augmentation_file, data.pipeline, plan.input.size, plan.input.scale)
    _files.write_json(run.classes_file, data.splits.labels.to_dict())


def _seconds(call: Callable[[int], object], times: int) -> float:
    start = time.perf_counter()
    for index in range(times):
        call(index)
    return (time.perf_counter() - start) / times
