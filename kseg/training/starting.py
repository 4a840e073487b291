"""The weights of an earlier run as those that a network starts from."""

from collections.abc import Mapping
from pathlib import Path

import keras

from kseg.encoders import matching
from kseg.encoders.matching import Match, Weights
from kseg.errors import KsegError
from kseg.inference import load_model
from kseg.models import names
from kseg.models.measures import shapes_only
from kseg.runs.recipe import Recipe
from kseg.runs.run import Run
from kseg.training import network

SHOWN = 3
"""So many layers that do not fit are named where none does."""


def read(recipe: Recipe) -> Weights | None:
    """Read the weights that a recipe starts from: those of the best epoch of a run, all heads.

    Args:
        recipe: As `defaults.for_machine` returns it.

    Returns:
        The arrays of each layer; `None` where the recipe starts from no run.

    Raises:
        KsegError: The run's model is missing or damaged, or no layer takes anything of it.
    """
    if recipe.model.warm_start is None:
        return None
    run = Run(Path(recipe.model.warm_start))
    file = run.heads_file if run.heads_file.exists() else run.model_file
    weights = matching.weights_by_layer(load_model(file))
    found = matched(recipe, weights, 2)
    if all(names.is_logits(layer) for layer in found.taken):
        left = [f"{layer} ({why})" for layer, why in found.left.items()]
        raise KsegError(
            f"No layer of this network takes the weights of {run.path}: "
            f"{', '.join(left[:SHOWN])}, ... Leave arch= out to take that run's network, or give "
            "the encoder= or the width= that it has."
        )
    return weights


def matched(recipe: Recipe, weights: Weights, classes: int) -> Match:
    """Tell which layers of a recipe's network take theirs, and why the others do not.

    Args:
        recipe: As `defaults.for_machine` returns it.
        weights: Of another network.
        classes: Number of classes.
    """
    with shapes_only():
        layers = list(matching.layers_with_weights(network.built(recipe, classes, load=False)))
        found = matching.match(layers, weights)
        own = {layer.name: layer for layer in layers}
        left = {name: _in_classes(own[name], weights) or why for name, why in found.left.items()}
    return Match(found.taken, left)


def take(model: keras.Model, weights: Weights) -> None:
    """Copy weights into the layers that match."""
    matching.take(matching.layers_with_weights(model), weights)


def _in_classes(layer: keras.Layer, weights: Mapping) -> str:
    """Say that a layer does not match as there are more classes, or fewer; "" for any other."""
    if not names.is_logits(layer.name) or layer.name not in weights:
        return ""
    *there, theirs = weights[layer.name][0].shape
    *here, own = layer.weights[0].shape
    if there != here:
        return ""
    return f"{'1 output' if theirs == 1 else f'{theirs} classes'} there, {own} here"
