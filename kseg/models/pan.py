"""Pyramid attention network (Li, Xiong, An and Wang 2018)."""

from collections.abc import Callable

import keras
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_pan(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    output_stride: int = 16,
    filters: int = 32,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a pyramid attention network: attention over three scales, then a guided decoder.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32. The
            pyramid halves the last features three times: images should be 128 pixels or more.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features; ResNet-34 by default.
        output_stride: Stride of the encoder's last features: 16, as in the paper, or 32, to which
            an encoder that cannot be dilated is bound.
        filters: Channels of the decoder.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Li et al. 2018, https://arxiv.org/abs/1805.10180, Figures 2 to 4. The pyramid works on one
        channel, and its deepest scale has two convolutions, as in segmentation_models.pytorch.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.positive_int(filters, "filters")
    _checks.functions(encoder=encoder)
    _checks.number_of(output_stride, (16, 32), "output_stride")

    image, x = encoder_input(input_shape)
    _, *features, x = encoder(x, output_stride=output_stride)

    x = _pyramid_attention(x, filters, "pyramid")
    for level, low in zip((5, 4, 3), reversed(features), strict=True):
        x = _guided(low, x, filters, f"decoder_{level}")

    outputs = segmentation_output(x, image, num_classes, activation, kernel_size=3, doublings=2)
    return keras.Model(image, outputs, name="pan")


def _pyramid_attention(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Weight features by what kernels of 7, 5 and 3 see in them at ever smaller sizes."""
    whole = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_whole_mean")(x)
    whole = blocks.convolution(whole, filters, 1, name=f"{name}_whole")
    middle = blocks.convolution(x, filters, 1, name=f"{name}_middle")

    scales, y = [], x
    for kernel in (7, 5, 3):
        y = layers.MaxPooling2D(2, padding="same", name=f"{name}_down_{kernel}")(y)
        y = blocks.convolution(y, 1, kernel, name=f"{name}_down_{kernel}")
        scales.append(y)

    half, quarter, eighth = scales
    y = blocks.convolution(eighth, 1, 3, name=f"{name}_up_3")
    for scale, kernel in ((quarter, 5), (half, 7)):
        side = blocks.convolution(scale, 1, kernel, name=f"{name}_up_{kernel}")
        y = layers.Add(name=f"{name}_up_{kernel}_sum")([blocks.bilinear_like(y, scale), side])

    attention = blocks.bilinear_like(y, middle)
    x = layers.Multiply(name=f"{name}_weighted")([middle, attention])
    return layers.Add(name=f"{name}_add")([x, whole])


def _guided(low: KerasTensor, high: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Weight the encoder's channels by the decoder's mean, and add the decoder's features."""
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(high)
    weights = blocks.convolution(weights, filters, 1, activation="sigmoid", name=f"{name}_weights")
    low = blocks.convolution(low, filters, name=f"{name}_low")
    low = layers.Multiply(name=f"{name}_weighted")([low, weights])
    return layers.Add(name=name)([blocks.bilinear_like(high, low), low])
