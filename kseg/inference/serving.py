"""Networks that other programs run: raw pixels in, classes or probabilities out, of any size."""

from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import KerasTensor, ops

from kseg import _checks, _extras, machine
from kseg.errors import ArgumentError, KsegError
from kseg.inference.engines.keras_model import copied
from kseg.inference.formats import FORMATS, Ask, Format
from kseg.inference.openvino_graph import rewrite
from kseg.models.supervision import DeeplySupervised

Output = Literal["classes", "probabilities"]


class Serving(keras.Model):
    """A network as other programs use it: what `Predictor` does around it lies inside.

    Images of any size are padded by their edge to what the network takes, and its answer is cut
    back. With `size` they are resized to it bilinearly, and the answer is brought back.

    Args:
        network: From images of any size to probabilities, `(n, H, W, K)`.
        stride: The network takes sizes that are multiples of this.
        output: "classes", uint8 `(n, H, W)`; or "probabilities", float32 `(n, H, W, classes)`,
            where a single sigmoid output gives two.
        size: `(height, width)` that the network is always shown; `None` shows images as they are.
        temperature: What calibrates the probabilities, see `Probabilities`.
        pads: Whether images are padded to sizes that the network takes. Without it and without
            `size` they must have such a size.

    Example:
        >>> network = kseg.build_unet((None, None, 3), 3, filters=(4, 8))
        >>> serving = kseg.inference.Serving(network, stride=2)
        >>> classes = serving(np.zeros((1, 33, 21, 3), np.uint8))
        >>> classes.shape, classes.dtype
        (TensorShape([1, 33, 21]), tf.uint8)
    """

    def __init__(
        self,
        network: keras.Model,
        stride: int,
        output: Output = "classes",
        size: tuple[int, int] | None = None,
        temperature: float = 1.0,
        pads: bool = True,
    ) -> None:
        super().__init__(name="serving")
        _checks.one_of(output, ("classes", "probabilities"), "output")
        self.network = network.final if isinstance(network, DeeplySupervised) else network
        self.stride = stride
        self.output_kind = output
        self.temperature = temperature
        self.shown_size = None if size is None else _multiples(size, stride)
        self.pads = pads and size is None

    def call(self, images: KerasTensor, training: bool = False) -> KerasTensor:
        """Answer for images, uint8 `(n, H, W, C)`."""
        height, width = ops.shape(images)[1:3]
        pixels = ops.cast(images, "float32")
        if self.pads:
            pixels = _at(pixels, _padded(height, self.stride), axis=1)
            pixels = _at(pixels, _padded(width, self.stride), axis=2)
        elif self.shown_size is not None:
            pixels = _resized(pixels, self.shown_size)
        found = ops.cast(self.network(pixels, training=False), "float32")
        if self.pads:
            found = found[:, :height, :width]
        elif self.shown_size is not None:
            found = _resized(found, (height, width))
        if self.output_kind == "classes":
            return _decided(found)
        if found.shape[-1] == 1:
            found = ops.concatenate([1 - found, found], axis=-1)
        if self.temperature == 1:
            return found
        powers = found ** (1 / self.temperature)
        return powers / ops.sum(powers, axis=-1, keepdims=True)


def export(serving: Serving, folder: Path, format: str, dtype: str = "uint8") -> Path:
    """Write a network in a format that other programs run.

    Args:
        serving: The network, as they use it.
        folder: An empty folder for it.
        format: "saved_model", "onnx", "openvino" or "litert".
        dtype: Of the pixels that it takes, in 0..255.

    Returns:
        What was written, a file or a folder.

    Raises:
        KsegError: The format is unknown, what it takes is not installed, or it cannot be written
            with this backend.
    """
    chosen = check_format(format)
    if format in _LAYERS:
        network = copied(serving.network, _LAYERS[format])
        serving = Serving(
            network,
            serving.stride,
            serving.output_kind,
            serving.shown_size,
            serving.temperature,
            serving.pads,
        )
    channels = serving.network.input_shape[-1]
    side = 2 * serving.stride
    serving(np.zeros((1, side, side, channels), dtype))
    signature = [keras.InputSpec(dtype=dtype, shape=(None, None, None, channels), name="images")]
    target = folder / chosen.file
    words = {"input_signature": signature, "verbose": False}
    with machine.quiet_start():
        serving.export(str(target), format=chosen.name, **words)
    if format == "openvino":
        rewrite(target)
    return target


def check_format(format: str) -> Format:
    """Return a format, if it can be written here.

    Raises:
        KsegError: It is unknown, not installed, or not for this backend.
    """
    _checks.one_of(format, FORMATS, "format")
    chosen = FORMATS[format]
    backend = keras.backend.backend()
    if backend not in chosen.backends:
        raise ArgumentError(
            f"format='{format}' is written with {' or '.join(chosen.backends)} as the backend of "
            f"Keras, which is {backend} here: KERAS_BACKEND={chosen.backends[0]}."
        )
    for module, package in chosen.packages.items():
        _extras.require(module, package, f"format='{format}'")
    return chosen


def opened(path: Path, format: str) -> Ask:
    """Return a function that runs what was exported, in the engine that it was exported for.

    Args:
        path: What `export` returned.
        format: Its format.
    """
    return FORMATS[format].opened(path)


class _Repeated(keras.layers.UpSampling2D):
    """Repeats pixels by one operation of TensorFlow, in place of several."""

    def call(self, inputs: KerasTensor) -> KerasTensor:
        import tensorflow as tf

        return tf.image.resize(inputs, tf.shape(inputs)[1:3] * self.size, method="nearest")


def _for_litert(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Copy a layer, for a converter that loses the number of channels where Keras repeats pixels.

    What convolves them would be no part of TensorFlow Lite then.
    """
    is_nearest = getattr(layer, "interpolation", None) == "nearest"
    repeats = type(layer) is keras.layers.UpSampling2D and is_nearest
    return (_Repeated if repeats else type(layer)).from_config(layer.get_config())


def _for_onnx(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Copy a layer, for a converter that knows erf and not the erfc of TensorFlow's GELU."""
    config = layer.get_config()
    if getattr(layer, "activation", None) is keras.activations.gelu:
        config["activation"] = _gelu
    return type(layer).from_config(config)


def _gelu(x: KerasTensor) -> KerasTensor:
    return 0.5 * x * (1.0 + ops.erf(x / 2.0**0.5))


_LAYERS = {"litert": _for_litert, "onnx": _for_onnx}
"""How a network's layers are copied for a converter that lacks something."""


def _decided(found: KerasTensor) -> KerasTensor:
    """Return the likeliest class, uint8, as `decide` chooses it."""
    if found.shape[-1] == 1:
        return ops.cast(found[..., 0] >= 0.5, "uint8")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf  # Keras's argmax takes bits apart, which other engines cannot

        return tf.cast(tf.argmax(found, axis=-1, output_type=tf.int32), tf.uint8)
    return ops.cast(ops.argmax(found, axis=-1), "uint8")


def _resized(values: KerasTensor, size: tuple[Any, Any]) -> KerasTensor:
    """Resize images bilinearly, to a size that may not be known before they come."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf  # Keras's function wants to know it

        return tf.image.resize(values, size)
    return ops.image.resize(values, size, interpolation="bilinear")


def _at(pixels: KerasTensor, places: KerasTensor, axis: int) -> KerasTensor:
    return ops.take(pixels, places, axis=axis)


def _padded(length: Any, stride: int) -> KerasTensor:
    """Return where the pixels of a padded side come from: the last one again and again."""
    whole = (length + stride - 1) // stride * stride
    return ops.minimum(ops.arange(whole), length - 1)


def _multiples(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return a size, if the network takes it.

    Raises:
        KsegError: It is no multiple of the stride.
    """
    if any(side <= 0 or side % stride for side in size):
        near = [max(round(side / stride), 1) * stride for side in size]
        raise KsegError(
            f"size= must be multiples of the network's stride, {stride}. Received "
            f"{size[0]}x{size[1]}; near is {near[0]}x{near[1]}."
        )
    return size
