"""LinkNet (Chaurasia and Culurciello 2017)."""

from collections.abc import Callable

import keras
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_linknet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    filters: int = 32,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a LinkNet: a light decoder to which the encoder's features are added.

    Fast: no level of the decoder has more channels than the encoder has there. The decoder goes on
    to full size by the same block, where the paper ends with convolutions of its own.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 2 to 32; ResNet-34 by default, ResNet-18
            in the paper.
        filters: Channels at full size.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Chaurasia and Culurciello 2017, https://arxiv.org/abs/1707.03718, Figures 1 to 3.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.positive_int(filters, "filters")
    _checks.functions(encoder=encoder)

    image, x = encoder_input(input_shape)
    *features, x = encoder(x)

    for level in range(5, 1, -1):
        skipped = features[level - 2]
        width = x.shape[-1] if skipped is None else skipped.shape[-1]
        x = _decoder_block(x, width, f"decoder_{level}")
        if skipped is not None:
            x = layers.Add(name=f"decoder_{level}_skip")([x, skipped])
    x = _decoder_block(x, filters, "decoder_1")

    outputs = segmentation_output(x, image, num_classes, activation)
    return keras.Model(image, outputs, name="linknet")


def _decoder_block(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Squeeze to a quarter of the channels, double the size, and widen to `filters`."""
    narrow = max(1, x.shape[-1] // 4)
    x = blocks.convolution(x, narrow, 1, name=f"{name}_squeeze")
    x = blocks.transposed_convolution(x, narrow, kernel_size=4, normalized=True, name=f"{name}_up")
    return blocks.convolution(x, filters, 1, name=f"{name}_widen")
