"""The network of a plan: built in the precision of the training, and copied to be kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import keras

from kseg import machine, metrics
from kseg.data.statistics import class_weights
from kseg.encoders.pretrained import is_published
from kseg.errors import KsegError
from kseg.labels import Labels
from kseg.losses.catalog import make_loss
from kseg.models import catalog, names
from kseg.models.heads import normalize_pixels
from kseg.models.measures import shapes_only
from kseg.models.pruning import head_of, prune
from kseg.optimizers import Optimizer, TwoRates, make_optimizer
from kseg.optimizers.catalog import penalise, spare
from kseg.runs.loop import CLASS_MONITORS, MONITORS, metric_name
from kseg.runs.recipe import Recipe
from kseg.schedules import make_schedule
from kseg.training.data import TrainingData
from kseg.training.plan import Plan


def check(recipe: Recipe) -> None:
    """Prove that the network and the loss of a recipe can be made, before any data is read.

    Raises:
        KsegError: Their options do not fit, or the weights to start from are not installed.
    """
    make_loss(recipe.loss.terms)
    make_optimizer(recipe.optimizer, 1.0)
    make_schedule(recipe.schedule, 1.0, 1)
    catalog.check_weights(recipe.model, recipe.data.channels)
    part = recipe.optimizer.encoder_rate
    if part not in (None, 1) and not catalog.has_learned(recipe.model):
        raise KsegError(
            "encoder_rate is for an encoder that has learned before; "
            f"{recipe.model.arch} starts from random weights. Received: {part}. Leave it out."
        )
    with shapes_only():
        network = built(recipe, 2, load=False)
        if recipe.model.level:
            head_of(network, recipe.model.level)


def compiled(
    plan: Plan, data: TrainingData, device: machine.Device, *, load: bool = True
) -> keras.Model:
    """Build the network and compile it; `load` says whether its encoder's weights are loaded."""
    with _precision(plan.loop.precision):
        model = built(plan, len(data.splits.labels), load=load)
    compile_for(model, plan, data, device)
    return model


def thaw(model: keras.Model, plan: Plan, data: TrainingData, device: machine.Device) -> None:
    """Have all layers train from here on, those of frozen stages too.

    The optimizer begins anew, with no memory of gradients: those of the frozen stages it never had,
    and those of the others, a few tens of steps later, are forgotten anyway.
    """
    for layer in model.layers:  # those of a model that is trainable itself are left as they are
        layer.trainable = True
    compile_for(model, plan, data, device)


def compile_for(model: keras.Model, plan: Plan, data: TrainingData, device: machine.Device) -> None:
    """Compile a network for a training; its learning rate stays at the peak until it is set."""
    labels = data.splits.labels
    channels = catalog.outputs(plan.model, len(labels))
    with _precision(plan.loop.precision):
        if plan.optimizer.l2:
            penalise(model.trainable_variables, plan.optimizer.l2)
        model.compile(
            _optimizer(plan, model.trainable_variables),
            make_loss(plan.loss.terms, labels.ignore, _class_weights(plan, data)),
            metrics=_metrics(plan.loop.monitor, channels, labels),
            jit_compile=_jit_compile(device),
        )
        # Variables made in the first step would have TensorFlow trace the step twice.
        model.optimizer.build(model.trainable_variables)


def plain_copier(plan: Plan, classes: int) -> Callable[[keras.Model], keras.Model]:
    """Return a function from the network in training to the one to keep, in float32.

    Args:
        plan: What the network in training was built from.
        classes: Number of classes.
    """
    copies: list[keras.Model] = []

    def copy(model: keras.Model) -> keras.Model:
        if not copies:
            with _precision("float32"):
                copies.append(built(plan, classes, load=False))
        copies[0].set_weights(model.get_weights())
        level = plan.model.level
        return prune(copies[0], level) if level else copies[0]

    return copy


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and Keras; where TensorFlow is not the backend, without importing it."""
    machine.leave_tensorflow_out()
    keras.utils.set_random_seed(seed)


def built(recipe: Recipe, classes: int, *, load: bool = True) -> keras.Model:
    """Build the network of a recipe, for images of any size.

    Args:
        recipe: As `defaults.for_machine` returns it.
        classes: Number of classes.
        load: Whether to load the weights that its encoder starts from.
    """
    shape = (None, None, recipe.data.channels)
    model = catalog.build(recipe.model, shape, classes, load=load)
    normalize_pixels(model, recipe.input.normalize)
    return model


def _optimizer(plan: Plan, variables: Sequence[keras.Variable]) -> keras.Optimizer:
    """Make the optimizer, of which an encoder of published weights has a slower one of its own."""
    settings = plan.optimizer
    part = settings.encoder_rate

    def at(settings: Optimizer, part: float) -> keras.Optimizer:
        optimizer = make_optimizer(settings, part * plan.optimizer.learning_rate)
        spare(optimizer, variables)
        return optimizer

    if part == 1:
        return at(settings, 1)
    alone = settings.model_copy(update={"clip_norm": None})
    return TwoRates(at(alone, part), at(alone, 1), _has_learned, part, settings.clip_norm)


def _metrics(monitor: str, channels: int, labels: Labels) -> list[keras.metrics.Metric]:
    """Return what is counted at each step: two metrics, and the one that is monitored."""
    found: list[keras.metrics.Metric] = [
        metrics.MeanIoU(channels, labels.ignore),
        metrics.PixelAccuracy(channels, labels.ignore),
    ]
    kind, _, of_class = monitor.partition(":")
    name = metric_name(monitor)
    if of_class:
        index = labels.names.index(of_class)
        count = getattr(metrics, CLASS_MONITORS[kind])
        found.append(count(channels, index, labels.ignore, name=name))
    elif name != "loss" and name not in [metric.name for metric in found]:
        found.append(getattr(metrics, MONITORS[kind])(channels, labels.ignore, name=name))
    return found


def _has_learned(layer: str) -> bool:
    """Tell whether a layer is one of the encoder that brings weights of its own."""
    return names.in_encoder(layer) and is_published(layer)


def _class_weights(plan: Plan, data: TrainingData) -> tuple[float, ...] | None:
    chosen = plan.loss.class_weights
    if not isinstance(chosen, str):
        return chosen
    return None if chosen == "none" else class_weights(chosen, data.train.pixels)


def _jit_compile(device: machine.Device) -> bool | str:
    """Return whether to use XLA: on TensorFlow and a CPU it makes a step slower."""
    if keras.backend.backend() == "tensorflow" and device.kind == "cpu":
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
