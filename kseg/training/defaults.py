"""What a recipe leaves open, filled for the machine and the data."""

import math
from collections.abc import Mapping

from kseg import _checks, machine
from kseg._settings import validated
from kseg.data import advice
from kseg.data.statistics import Survey
from kseg.errors import KsegError
from kseg.labels import Labels
from kseg.losses.catalog import is_pixelwise
from kseg.models import catalog, choosing
from kseg.models.settings import NONE, Model
from kseg.runs.recipe import Recipe
from kseg.schedules.settings import warmup
from kseg.training.plan import Plan

WIDTH = {"cpu": 16, "gpu": 32}
SCALE = {"cpu": (0.75, 1.25), "gpu": (0.5, 2.0)}
RATE = 3e-3
ENCODER_RATE = 0.25
AVERAGE = 0.02
BATCH = {"cpu": 4, "gpu": 16}
"""Smaller batches are more steps per image, from which a network without learned weights gains."""
BATCH_PRETRAINED = {"cpu": 8, "gpu": 16}
IMAGES = {"cpu": 12_000, "gpu": 320_000}
"""A training sees so many images, but has at least and at most so many epochs:"""
EPOCHS = (8, 300)


def for_machine(recipe: Recipe, device: machine.Device) -> Recipe:
    """Fill what depends on the device alone: all that reading the data asks for."""
    model, _ = choosing.chosen(recipe.model, is_drawn=_is_drawn(recipe))
    recipe = recipe.changed(model=model)
    has_learned = catalog.has_learned(recipe.model)
    width: int | str = WIDTH[device.kind]
    if recipe.model.weights != NONE or recipe.model.filters != "own":
        width = "own"
    return recipe.changed(
        versions=machine.versions(),
        **_open(
            recipe,
            {
                "model.width": width,
                "input.size": _shapes_size(recipe.model) if _is_drawn(recipe) else None,
                "input.max_side": advice.longest_side(device.kind == "gpu", has_learned),
                "input.scale": SCALE[device.kind],
                "optimizer.learning_rate": RATE,
                "optimizer.encoder_rate": ENCODER_RATE if has_learned else 1.0,
                "schedule.warmup": warmup(recipe.schedule.name),
                "loop.average": AVERAGE,
            },
        ),
    )


def for_data(recipe: Recipe, device: machine.Device, train: Survey, labels: Labels) -> Plan:
    """Fill what depends on the training images and their classes.

    Args:
        recipe: As `for_machine` returns it.
        device: What the run is for.
        train: What a look at the training images told.
        labels: The classes.

    Raises:
        KsegError: What the recipe asks for does not fit the number of classes.
    """
    on_gpu = device.kind == "gpu"
    _check_classes(recipe, labels)
    advised = advice.advise(
        train.sizes,
        train.pixels,
        on_gpu=on_gpu,
        stride=catalog.stride(recipe.model),
        max_side=recipe.input.max_side,
        weigh=is_pixelwise(recipe.loss.terms),
    )
    usual = BATCH_PRETRAINED if catalog.has_learned(recipe.model) else BATCH
    fewest, most = EPOCHS
    epochs = math.ceil(IMAGES[device.kind] / len(train.sizes))
    epochs = min(max(epochs, fewest), most)
    filled = recipe.changed(
        **_open(
            recipe,
            {
                "input.size": advised.size,
                "loss.class_weights": advised.class_weights,
                "loop.batch_size": usual[device.kind],
                "loop.epochs": fewest if _is_drawn(recipe) else epochs,
                "loop.precision": device.precision,
            },
        )
    )
    check_thaw(filled)
    return validated(Plan, filled.model_dump())


def check_thaw(recipe: Recipe) -> None:
    """Refuse frozen stages that are to train after an epoch that there is not.

    Raises:
        KsegError: The training ends before, or nobody knows at which epoch it ends.
    """
    after, loop = recipe.model.frozen_epochs, recipe.loop
    if after is None:
        return
    if loop.minutes or loop.done:
        raise KsegError(
            f"frozen_epochs={after} counts epochs, and minutes= leaves open how many there are. "
            "Give epochs= instead of minutes=, or leave frozen_epochs= out."
        )
    if loop.epochs is not None and after >= loop.epochs:
        raise KsegError(
            f"frozen_epochs= must be below the {loop.epochs} epochs of the training, for its "
            f"frozen stages to train at all. Received: {after}. Leave it out to keep them as "
            "they are."
        )


def _open(recipe: Recipe, values: Mapping[str, object]) -> dict:
    """Return those values whose fields the recipe leaves open, as `Recipe.changed` takes them."""
    content = recipe.model_dump()
    chosen = {}
    for path, value in values.items():
        section, name = path.split(".")
        if content[section][name] is None:
            chosen[path] = value
    return {"set": chosen}


def _is_drawn(recipe: Recipe) -> bool:
    return recipe.data.path == "shapes"


def _shapes_size(model: Model) -> tuple[int, int]:
    """Return the size at which the shapes are drawn: 96, or the next that the stride divides."""
    stride = catalog.stride(model)
    return (96 + -96 % stride,) * 2


def _check_classes(recipe: Recipe, labels: Labels) -> None:
    catalog.outputs(recipe.model, len(labels))
    weights = recipe.loss.class_weights
    if isinstance(weights, tuple) and len(weights) != len(labels):
        raise KsegError(
            f"class_weights= must be one number per class, {len(labels)} in all "
            f"({', '.join(labels.names)}). Received {len(weights)}."
        )
    _, colon, monitored = recipe.loop.monitor.partition(":")
    if colon:
        _checks.one_of(monitored, labels.names, "class to monitor")
