"""From a recipe to a run."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from kseg import _extras, _files, machine
from kseg.artifacts import RunFolder
from kseg.callbacks import Checkpoint, HistoryFile
from kseg.data.augment.mixing import copy_paste, cutmix
from kseg.data.augment.pipelines import Pipeline, augmentation, read_pipeline, write_pipeline
from kseg.data.augment.presets import is_file
from kseg.data.batches import TrainingBatches, ValidationBatches
from kseg.data.samples import Cached, CachedOnDisk
from kseg.data.sources.source import Source, Splits
from kseg.data.statistics import Survey, class_weights, inverse_frequency, survey
from kseg.errors import KsegError
from kseg.evaluation.evaluation import Evaluation, evaluate
from kseg.labels import Labels
from kseg.losses.catalog import PIXELWISE, make_loss, parse
from kseg.metrics import MeanIoU, PixelAccuracy
from kseg.models import catalog
from kseg.models.measures import shapes_only
from kseg.models.pruning import head_of, prune
from kseg.recipes import Recipe, write_recipe
from kseg.schedules import cosine_with_warmup

RARE = 0.01
"""With a class of a smaller part of the pixels, a loss of pixels gets class weights by itself."""
VALIDATION_SHARE = 0.1
"""Validation is spread over so many epochs that it takes about this part of the time."""


@dataclass(frozen=True)
class Prepared:
    """A data set that was read once and found whole, and the recipe completed for it.

    Attributes:
        recipe: Every field is set.
        splits: The data, training and validation cached as the recipe says.
        train: What the look at the training samples told.
        val: What the look at the validation samples told.
        pipeline: The augmentation.
        skipped: Pairs that were passed over, and why.
        split_off: Names of the pairs of the splits that the data does not have by itself.
    """

    recipe: Recipe
    splits: Splits
    train: Survey
    val: Survey
    pipeline: Pipeline
    skipped: dict[str, str]
    split_off: dict[str, list[str]]


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        folder: Where everything lies.
        evaluation: Scores of the best epoch on the validation split.
        best_epoch: The epoch that `model.keras` holds, from 1.
        epochs: The epochs that were trained.
        waited: Part of the training in which the network waited for images.
    """

    folder: RunFolder
    evaluation: Evaluation
    best_epoch: int
    epochs: int
    waited: float


class Interrupted(Exception):
    """The training was broken off by Ctrl-C; the run holds what was reached.

    Attributes:
        folder: Where it lies.
        epochs: Whole epochs that were trained.
    """

    def __init__(self, folder: RunFolder, epochs: int) -> None:
        super().__init__(f"interrupted after {epochs} epochs")
        self.folder = folder
        self.epochs = epochs


def prepare(
    recipe: Recipe, device: machine.Device, on_sample: Callable[[], None] = lambda: None
) -> Prepared:
    """Open a data set, read all of it once, and fill what the recipe leaves open.

    Args:
        recipe: What the user chose.
        device: What the run is for.
        on_sample: Called after each sample that was read.

    Raises:
        KsegError: Options of the network do not fit, or the data set is not whole; the message
            names the file.
    """
    catalog.check_size(recipe.arch, recipe.size)
    recipe = _for_machine(recipe, device)
    pipeline = read_pipeline(recipe.augment)
    with shapes_only():
        network = _network(recipe, 2, load=False)
        if recipe.level:
            head_of(network, recipe.level)
    skipped = dict.fromkeys(recipe.skipped, "skipped by the recipe")
    if recipe.skip_broken:
        skipped |= source(recipe).broken(on_sample)
    recipe = recipe.with_(skipped=tuple(skipped))
    opened = source(recipe, recipe.max_side)
    splits = opened.open()
    keep = {"memory": Cached, "disk": CachedOnDisk, "none": lambda samples: samples}[recipe.cache]
    splits = replace(splits, train=keep(splits.train), val=keep(splits.val))
    try:
        train, val = survey(splits.train, on_sample), survey(splits.val, on_sample)
    except ValueError:
        _refuse(source(recipe).broken(), recipe)
        raise
    if not recipe.skip_broken:
        _refuse(opened.broken(on_sample, "test"), recipe)
    for name, found in (("training", train), ("validation", val)):
        if not found.pixels.any():
            raise KsegError(
                f"The {name} masks hold nothing but void ({splits.labels.ignore}): there is "
                "nothing to learn or to score. Correct the masks, or classes.json."
            )
    recipe = _for_data(recipe, device, train, splits.labels)
    return Prepared(recipe, splits, train, val, pipeline, skipped, opened.split_off)


def _refuse(broken: Mapping[str, str], recipe: Recipe) -> None:
    """Name all pairs that cannot be read.

    Raises:
        KsegError: There are such.
    """
    if broken:
        listed = list(broken.values())
        more = f" {len(listed) - 5} more cannot be read either." if len(listed) > 5 else ""
        raise KsegError(
            f"{' '.join(listed[:5])}{more} Copy such files again from their source, or go on "
            f"without them by --skip-broken. kseg data check {recipe.data} says more."
        )


def train(
    prepared: Prepared, folder: RunFolder, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> Run:
    """Train, keep the best epoch, and score it on the validation split at full size.

    Args:
        prepared: Data and recipe.
        folder: An empty run folder.
        callbacks: Further callbacks, such as `callbacks.Progress`.

    Raises:
        Interrupted: Ctrl-C broke it off.
    """
    recipe, labels = prepared.recipe, prepared.splits.labels
    # The run's own copy makes the same run again, whatever becomes of the user's file.
    own = {"augment": folder.augmentation.name} if is_file(recipe.augment) else {}
    write_recipe(folder.recipe, recipe.with_(**own))
    if prepared.skipped:
        _files.write_json(folder.skipped, prepared.skipped)
    if recipe.data != "shapes":
        content = {"notes": prepared.splits.notes, "split_off": prepared.split_off}
        _files.write_json(folder.splits, content)
    write_pipeline(folder.augmentation, prepared.pipeline, recipe.size, recipe.scale)
    _files.write_json(folder.classes, labels.to_dict())
    _set_seed(recipe.seed)
    model, batches, validation = _assemble(prepared)
    checkpoint = Checkpoint(
        folder.model, folder.last_model, export=plain_copier(prepared), heads=folder.heads
    )
    history = keras.callbacks.History()
    started = time.perf_counter()
    try:
        model.fit(
            batches,
            epochs=recipe.epochs,
            validation_data=validation,
            validation_freq=_validated_epochs(prepared),
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
                ),
                checkpoint,
                HistoryFile(folder.history),
                history,
                *callbacks,
            ],
        )
    except KeyboardInterrupt:
        if not folder.model.exists():
            checkpoint.save(folder.model)
        raise Interrupted(folder, len(history.epoch)) from None
    waited = (batches.waited + validation.waited) / (time.perf_counter() - started)
    evaluation = evaluate(folder.open_predictor(), source(recipe).split("val", labels))
    _files.write_json(folder.scores, {"split": "val", **evaluation.to_dict()})
    return Run(folder, evaluation, checkpoint.best_epoch, len(history.epoch), waited)


def fit_into(prepared: Prepared, minutes: float) -> Prepared:
    """Measure the training on this machine, and set the epochs that fit into `minutes`."""
    model, batches, validation = _assemble(prepared)
    started = time.perf_counter()
    model.train_on_batch(*batches[0])
    model.test_on_batch(*validation[0])
    starting = time.perf_counter() - started
    step = _seconds(lambda index: model.train_on_batch(*batches[index % len(batches)]), 8)
    check = _seconds(lambda index: model.test_on_batch(*validation[index % len(validation)]), 3)
    share = len(_validated_epochs(prepared)) / prepared.recipe.epochs
    epoch = step * len(batches) + share * check * len(validation)
    epochs = max(1, int((60 * minutes - starting) / epoch))
    return replace(prepared, recipe=prepared.recipe.with_(epochs=epochs))


def tensorboard(logs: Path) -> keras.callbacks.Callback:
    """Return the callback that writes TensorBoard's logs.

    Raises:
        KsegError: TensorBoard, or TensorFlow, which writes its logs, is not installed.
    """
    for package in ("tensorflow", "tensorboard"):
        _extras.require(package, package, "Writing logs for TensorBoard")
    return keras.callbacks.TensorBoard(logs)


def plain_copier(prepared: Prepared) -> Callable[[keras.Model], keras.Model]:
    """Return a function from the network in training to the one to keep, in float32."""
    copies = []

    def copy(model: keras.Model) -> keras.Model:
        if not copies:
            with _precision("float32"):
                copies.append(_build(prepared, load=False))
        copies[0].set_weights(model.get_weights())
        level = prepared.recipe.level
        return prune(copies[0], level) if level else copies[0]

    return copy


def source(
    recipe: Recipe, max_side: int | None = None, kept: Mapping[str, Sequence[str]] | None = None
) -> Source:
    """Return a recipe's data set, to be read with images at full size or up to `max_side`.

    Args:
        recipe: Names the data set.
        max_side: Larger images are made smaller on reading; `None` for full size.
        kept: What a run has split off, by `RunFolder.read_splits`, to split alike.
    """
    return Source(
        recipe.data,
        recipe.size,
        max_side,
        recipe.val_fraction,
        recipe.test_fraction,
        recipe.split_by,
        recipe.mask_suffix,
        recipe.seed,
        recipe.skipped,
        kept or {},
    )


def _for_machine(recipe: Recipe, device: machine.Device) -> Recipe:
    """Fill what depends on the device."""
    on_gpu = device.kind == "gpu"
    width = recipe.width
    if width is None and recipe.weights == "none":
        width = 32 if on_gpu else 16
    return recipe.with_(
        width=width,
        size=recipe.size or (_shapes_size(recipe.arch) if recipe.data == "shapes" else None),
        max_side=recipe.max_side or (1024 if on_gpu else 256),
        scale=recipe.scale or ((0.5, 2.0) if on_gpu else (0.9, 1.2)),
        learning_rate=recipe.learning_rate or 3e-3,
        precision=recipe.precision or device.precision,
        versions=machine.versions(),
    )


def _for_data(recipe: Recipe, device: machine.Device, train: Survey, labels: Labels) -> Recipe:
    """Fill what depends on the training images and their classes."""
    on_gpu = device.kind == "gpu"
    sides = np.minimum(np.median(train.sizes, axis=0), 512 if on_gpu else 256)
    stride = catalog.stride(recipe.arch)
    size = recipe.size or tuple(int(max(1, side // stride)) * stride for side in sides)
    batch_size = recipe.batch_size or (16 if on_gpu else 8 if math.prod(size) <= 128**2 else 4)
    steps = 20_000 if on_gpu else 3_000
    epochs = min(max(math.ceil(steps * batch_size / len(train.sizes)), 8), 300)
    share = train.pixels.sum(axis=0) / max(train.pixels.sum(), 1)
    weights = recipe.class_weights
    if weights is None:
        by_pixels = all(name in PIXELWISE for name, _ in parse(recipe.loss))
        weights = "enet" if by_pixels and share.min() < RARE else "none"
    elif not isinstance(weights, str) and len(weights) != len(labels):
        raise KsegError(
            f"class_weights must be one number a class, {len(labels)} in all "
            f"({', '.join(labels.names)}). Received {len(weights)}."
        )
    return recipe.with_(
        size=size,
        batch_size=batch_size,
        epochs=recipe.epochs or (8 if recipe.data == "shapes" else epochs),
        class_weights=weights,
    )


def _assemble(prepared: Prepared) -> tuple[keras.Model, TrainingBatches, ValidationBatches]:
    """Build and compile the network, and open its batches."""
    recipe, labels = prepared.recipe, prepared.splits.labels
    rarity = inverse_frequency(prepared.train.pixels)
    rare = rarity if recipe.crop == "rare" else None
    batches = TrainingBatches(
        prepared.splits.train,
        recipe.batch_size,
        augmentation(prepared.pipeline, recipe.size, labels.ignore, recipe.scale, rare),
        recipe.seed,
        mix={"none": None, "cutmix": cutmix, "copy-paste": copy_paste(rarity)}[recipe.mix],
    )
    height, width = prepared.val.sizes.max(axis=0)
    stride = catalog.stride(recipe.arch)
    validation = ValidationBatches(
        prepared.splits.val,
        recipe.batch_size,
        (height + -height % stride, width + -width % stride),
    )
    with _precision(recipe.precision):
        model = _build(prepared)
        model.compile(
            keras.optimizers.AdamW(
                cosine_with_warmup(recipe.learning_rate, len(batches) * recipe.epochs),
                weight_decay=1e-4,
            ),
            make_loss(recipe.loss, labels.ignore, _class_weights(prepared)),
            metrics=[
                MeanIoU(len(labels), labels.ignore),
                PixelAccuracy(len(labels), labels.ignore),
            ],
            jit_compile=_compiles_well(),
        )
        # Variables made in the first step would have TensorFlow trace the step twice.
        model.optimizer.build(model.trainable_variables)
    return model, batches, validation


def _build(prepared: Prepared, **changes: object) -> keras.Model:
    return _network(prepared.recipe, len(prepared.splits.labels), **changes)


def _network(recipe: Recipe, num_classes: int, **changes: object) -> keras.Model:
    return catalog.build(
        recipe.arch,
        (None, None, 3),
        num_classes,
        heads=recipe.heads,
        head_weights=recipe.head_weights,
        **recipe.encoder_options | changes,
    )


def _shapes_size(arch: str) -> tuple[int, int]:
    """Return the size at which the shapes are drawn: 96, or the next that the stride divides."""
    stride = catalog.stride(arch)
    return (96 + -96 % stride,) * 2


def _class_weights(prepared: Prepared) -> Sequence[float] | None:
    chosen = prepared.recipe.class_weights
    if not isinstance(chosen, str):
        return chosen
    return None if chosen == "none" else class_weights(chosen, prepared.train.pixels)


def _set_seed(seed: int) -> None:
    """Seed Python, NumPy and Keras; where TensorFlow is not the backend, without importing it."""
    hidden = keras.backend.backend() != "tensorflow" and "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None
    try:
        keras.utils.set_random_seed(seed)
    finally:
        if hidden:
            del sys.modules["tensorflow"]


def _compiles_well() -> bool | str:
    """Tell whether XLA helps: on TensorFlow and a CPU it makes a step slower."""
    if keras.backend.backend() == "tensorflow" and machine.device().kind == "cpu":
        return False
    return "auto"


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """Build layers that compute in a number format and keep their weights in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _validated_epochs(prepared: Prepared) -> list[int]:
    """Choose the epochs to validate, the last among them: all of them where that costs little."""
    recipe = prepared.recipe
    learned = len(prepared.splits.train) * math.prod(recipe.size)
    validated = prepared.val.sizes.prod(axis=1).sum()
    # A pixel's way forth and back costs about three times its way forth.
    every = max(1, round(validated / 3 / learned / VALIDATION_SHARE))
    return sorted(range(recipe.epochs, 0, -every))


def _seconds(call: Callable[[int], object], times: int) -> float:
    start = time.perf_counter()
    for index in range(times):
        call(index)
    return (time.perf_counter() - start) / times
