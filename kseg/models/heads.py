"""The two ends that all models share: pixels in, probabilities out."""

import keras
import numpy as np
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.data.augment.settings import Normalize
from kseg.encoders.inputs import factors
from kseg.errors import KsegError
from kseg.layers import Activation, Rescaling
from kseg.models import names


def image_input(input_shape: tuple, stride: int) -> tuple[KerasTensor, KerasTensor]:
    """Take raw pixels, scale them from [0, 255] to [-1, 1] and pad them to a multiple of `stride`.

    Args:
        input_shape: `(height, width, channels)`; height and width may be `None`.
        stride: The factor by which the network makes the image smaller. A height or width that it
            does not divide is padded with grey; an unknown one is left to the caller of the model.

    Returns:
        The model's input, and the features that the network starts from, in float32.

    Raises:
        KsegError: `input_shape` is not a shape of images.
    """
    image = keras.Input(_checks.image_shape(input_shape), name="image")
    to_unit = Rescaling(1 / 127.5, offset=-1, dtype="float32", name=names.TO_UNIT)
    return image, _padded(to_unit, image, stride)


def normalize_pixels(model: keras.Model, to: Normalize) -> None:
    """Change what the first layer of a network makes of pixels.

    Args:
        model: As `image_input` begins it; not compiled yet.
        to: A range of `encoders.inputs.RANGES`, or the mean and the deviation of each channel, in
            0..255.

    Raises:
        KsegError: The network has another number of channels, or begins with an encoder that takes
            pixels as it learned them.
    """
    if not any(layer.name == names.TO_UNIT for layer in model.layers):
        if to == "symmetric":
            return
        raise KsegError(
            "normalize= is for networks that begin with nothing learned. The encoder of this one "
            "scales pixels to the range that its weights know. Leave normalize= out."
        )
    layer, channels = model.get_layer(names.TO_UNIT), model.input_shape[-1]
    if isinstance(to, str):
        layer.scale, layer.offset = factors(to, channels)
        return
    mean, deviation = map(np.array, to)
    if len(mean) != channels:
        raise KsegError(
            f"normalize= must give the mean and the deviation of {channels} channels. Received "
            f"those of {len(mean)}."
        )
    layer.scale, layer.offset = (1 / deviation).tolist(), (-mean / deviation).tolist()


def encoder_input(input_shape: tuple, stride: int = 32) -> tuple[KerasTensor, KerasTensor]:
    """Take raw pixels and pad them with black; the encoder scales them to the range it wants.

    The arguments and results are those of `image_input`; the features are in [0, 255].
    """
    image = keras.Input(_checks.image_shape(input_shape), name="image")
    pixels = Activation("linear", dtype="float32", name="pixels")
    return image, _padded(pixels, image, stride)


def segmentation_output(
    x: KerasTensor,
    image: KerasTensor,
    num_classes: int,
    activation: str | None,
    *,
    kernel_size: int = 1,
    doublings: int = 0,
    name: str | None = None,
) -> KerasTensor:
    """Turn features into one value per class and pixel, in float32 and the size of `image`.

    Args:
        x: The decoder's features, of the padded size, or of a smaller one.
        image: The model's input, whose size the output takes.
        num_classes: Classes; 1 means one foreground class against the background.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.
        kernel_size: Size of the convolution to the classes.
        doublings: How often the logits are doubled in size, bilinearly, to reach the padded size.
        name: Prefix of the layers' names; the final head has none.

    Returns:
        Shape `(batch, height, width, num_classes)`, float32.
    """
    x = logits(x, num_classes, kernel_size=kernel_size, doublings=doublings, name=name)
    return image_output(x, image, activation, name=name)


def logits(
    x: KerasTensor,
    num_classes: int,
    *,
    kernel_size: int = 1,
    doublings: int = 0,
    name: str | None = None,
) -> KerasTensor:
    """Convolve features to the classes, and double the size bilinearly.

    Args:
        x: Features.
        num_classes: Channels of the result.
        kernel_size: Height and width of the kernel.
        doublings: How often the size is doubled.
        name: Name of the head; `None` where there is one.
    """
    own = names.in_head(names.LOGITS, name)
    x = layers.Conv2D(num_classes, kernel_size, padding="same", name=own)(x)
    for step in range(1, doublings + 1):
        x = blocks.bilinear(x, name=f"{own}_up_{step}")
    return x


def image_output(
    x: KerasTensor, image: KerasTensor, activation: str | None, *, name: str | None = None
) -> KerasTensor:
    """Crop logits of the padded size to that of `image`, and activate them in float32.

    Args:
        x: Logits.
        image: The model's input.
        activation: "auto" for softmax, or sigmoid on one channel; `None` for logits.
        name: Name of the head; `None` where there is one.
    """
    padding = [
        _split((padded or 0) - (size or 0))
        for padded, size in zip(x.shape[1:3], image.shape[1:3], strict=True)
    ]
    if any(sum(pair) for pair in padding):
        x = layers.Cropping2D(padding, name=names.in_head(names.CROP, name))(x)
    if activation == "auto":
        activation = "sigmoid" if x.shape[-1] == 1 else "softmax"
    is_plain = activation in (None, "none")
    own = names.in_head(names.LOGITS_FLOAT32 if is_plain else names.PROBABILITIES, name)
    return layers.Activation("linear" if is_plain else activation, dtype="float32", name=own)(x)


def _padded(entry: Rescaling | Activation, image: KerasTensor, stride: int) -> KerasTensor:
    """Lead an image through the first layer, and pad it, or have the layer refuse other sizes."""
    sizes = image.shape[1:3]
    x = entry(image)
    height, width = (stride if size is None else 1 for size in sizes)
    entry.multiples = height, width
    padding = [_split(-(size or 0) % stride) for size in sizes]
    if any(sum(pair) for pair in padding):
        x = layers.ZeroPadding2D(padding, name=names.PAD)(x)
    return x


def _split(total: int) -> tuple[int, int]:
    return total // 2, total - total // 2
