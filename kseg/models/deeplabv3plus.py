"""DeepLabV3+ (Chen, Zhu, Papandreou, Schroff and Adam 2018)."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_deeplabv3plus(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    output_stride: int = 16,
    rates: Sequence[int] = (12, 24, 36),
    filters: int = 256,
    low_filters: int = 48,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a DeepLabV3+: an atrous spatial pyramid and a small decoder at stride 4.

    The rates are those of the paper at an output stride of 8; (6, 12, 18) are its rates at 16. As
    in segmentation_models.pytorch one separable convolution follows the skip; the paper has two.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features; ResNet-34 by default.
        output_stride: Stride of the encoder's last features: 16, 8, or 32, to which an encoder that
            cannot be dilated is bound.
        rates: Dilation rates of the pyramid.
        filters: Channels of the pyramid and the decoder.
        low_filters: Channels to which the features of stride 4 are reduced.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Chen et al. 2018, https://arxiv.org/abs/1802.02611, Figure 2.
    """
    _checks.network(input_shape, num_classes, activation)
    rates = _checks.widths(rates, "rates")
    filters = _checks.positive_int(filters, "filters")
    low_filters = _checks.positive_int(low_filters, "low_filters")
    _checks.functions(encoder=encoder)
    _checks.number_of(output_stride, (8, 16, 32), "output_stride")

    image, x = encoder_input(input_shape)
    _, low, *_, x = encoder(x, output_stride=output_stride)

    x = blocks.atrous_pyramid(x, rates, filters, name="aspp")
    x = blocks.separable_convolution(x, filters, name="aspp_refine")
    for step in range(1, int(math.log2(output_stride // 4)) + 1):
        x = blocks.bilinear(x, name=f"decoder_up_{step}")

    low = blocks.convolution(low, low_filters, 1, name="decoder_low")
    x = layers.Concatenate(name="decoder_skip")([x, low])
    x = blocks.separable_convolution(x, filters, name="decoder")

    outputs = segmentation_output(x, image, num_classes, activation, doublings=2)
    return keras.Model(image, outputs, name="deeplabv3plus")
