"""Weights of one network for another: matched by the names of layers and the shapes of weights."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

Weights = Mapping[str, Sequence[np.ndarray]]
"""The arrays of each layer by its name, in the order of Keras."""


@dataclass(frozen=True)
class Match:
    """What a network takes of the weights of another one.

    Attributes:
        taken: Names of the layers that take theirs.
        left: Why a layer does not, by its name, such as "3x3x8x16 there, 3x3x8x32 here".
    """

    taken: tuple[str, ...]
    left: Mapping[str, str]


def weights_by_layer(model: keras.Model) -> dict[str, list[np.ndarray]]:
    """Return the weights of all layers of a model, those of models inside of it too."""
    return {layer.name: layer.get_weights() for layer in layers_with_weights(model)}


def layers_with_weights(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a model that have weights; of a model inside of it, that one's layers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_with_weights(layer)
        elif layer.weights:
            yield layer


def match(layers: Iterable[keras.Layer], weights: Weights) -> Match:
    """Tell which layers take theirs of some weights; nothing is changed.

    Args:
        layers: Built; their own weights need no values.
        weights: Of another network.
    """
    reasons = {layer.name: _reason(layer, weights) for layer in layers if layer.weights}
    taken = tuple(name for name, why in reasons.items() if not why)
    return Match(taken, {name: why for name, why in reasons.items() if why})


def take(layers: Iterable[keras.Layer], weights: Weights) -> Match:
    """Copy weights into the layers that match; return which these are."""
    layers = list(layers)
    found = match(layers, weights)
    for layer in layers:
        if layer.name in found.taken:
            layer.set_weights(weights[layer.name])
    return found


def _reason(layer: keras.Layer, weights: Weights) -> str:
    """Say why a layer cannot take its weights; "" where it can."""
    if layer.name not in weights:
        return "not there"
    theirs = [tuple(array.shape) for array in weights[layer.name]]
    own = [tuple(weight.shape) for weight in layer.weights]
    if len(theirs) != len(own):
        return f"{len(theirs)} weights there, {len(own)} here"
    for there, here in zip(theirs, own, strict=True):
        if there != here:
            return f"{_spelled(there)} there, {_spelled(here)} here"
    return ""


def _spelled(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "1"
