"""Convolutions that do what the normalisation behind them does, for networks that learn no more."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from kseg.models.graph import Call, traced

FOLDABLE = (layers.Conv2D, layers.DepthwiseConv2D, layers.Conv2DTranspose)
SIDE = 256
"""Of the image by which a network for any size is followed."""


class _Conv2D(layers.Conv2D):
    """Adds its bias as TensorFlow does, which then convolves, adds and activates in one pass."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        import tensorflow as tf

        return tf.nn.bias_add(self.convolution_op(inputs, self.kernel), self.bias)


def folded(model: keras.Model) -> keras.Model:
    """Return a copy of a network in which normalisations are part of the convolutions before them.

    By its running statistics a batch normalisation multiplies each channel and adds to it. So do a
    convolution's kernel and bias, which makes one pass over the features instead of two:

        s = gamma / sqrt(variance + epsilon)
        s (W * x + b - mean) + beta = (s W) * x + s (b - mean) + beta

    What one convolution gives to anything else beside, or what is activated before, stays as it is.

    Args:
        model: Made of an input and outputs, from images to probabilities.
    """
    pairs = dict(_pairs(model))
    after = {norm.name for norm in pairs.values()}

    def again(layer: layers.Layer) -> layers.Layer:
        if layer not in pairs:
            return type(layer).from_config(layer.get_config())
        kind = _Conv2D if type(layer) is layers.Conv2D else type(layer)
        return kind.from_config(layer.get_config() | {"use_bias": True})

    def call(layer: keras.Operation, x: Any, *others: Any, **options: Any) -> Any:
        return x if layer.name in after else layer(x, *others, **options)

    copy = keras.models.clone_model(model, clone_function=again, call_function=call)
    for layer in model.layers:
        if layer in pairs:
            copy.get_layer(layer.name).set_weights(_joined(layer, pairs[layer]))
        elif layer.weights and layer.name not in after:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def _pairs(model: keras.Model) -> Iterator[tuple[layers.Layer, layers.Layer]]:
    """Yield each convolution that feeds nothing but a normalisation, and that normalisation."""
    height, width = model.input_shape[1:3]
    graph = traced(model, (height or SIDE, width or SIDE))
    readers: dict[int, list[Call | None]] = {id(output): [None] for output in graph.outputs}
    for call in graph.calls:
        for x in call.inputs:
            readers.setdefault(id(x), []).append(call)
    times = Counter(call.operation.name for call in graph.calls)
    for call in graph.calls:
        reader, *others = readers.get(id(call.outputs[0]), [None])
        if reader is None or others or not _is_plain(call.operation):
            continue
        norm = reader.operation
        is_norm = isinstance(norm, layers.BatchNormalization) and norm.axis in (-1, 3)
        if is_norm and times[call.operation.name] == times[norm.name] == 1:
            yield call.operation, norm


def _is_plain(operation: keras.Operation) -> bool:
    """Tell whether an operation is a convolution that does not activate what it gives."""
    return (
        isinstance(operation, FOLDABLE)
        and operation.activation is keras.activations.linear
        and operation.data_format == "channels_last"
    )


def _joined(convolution: layers.Layer, norm: layers.BatchNormalization) -> list[np.ndarray]:
    """Return the kernel and the bias of a convolution that normalises, too."""
    kernel, *bias = convolution.get_weights()
    mean, variance = map(keras.ops.convert_to_numpy, (norm.moving_mean, norm.moving_variance))
    factor = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor *= keras.ops.convert_to_numpy(norm.gamma)
    offset = keras.ops.convert_to_numpy(norm.beta) if norm.center else 0
    offset = offset + factor * ((bias[0] if bias else 0) - mean)
    if isinstance(convolution, layers.Conv2DTranspose):  # (rows, columns, filters, channels)
        return [kernel * factor[:, None], offset]
    if isinstance(convolution, layers.DepthwiseConv2D):  # (rows, columns, channels, multiplier)
        return [kernel * factor.reshape(kernel.shape[2:]), offset]
    return [kernel * factor, offset]
