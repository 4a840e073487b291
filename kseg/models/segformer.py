"""SegFormer (Xie et al. 2021)."""

from collections.abc import Callable

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.encoders.mit import mit
from kseg.models.heads import encoder_input, segmentation_output


def build_segformer(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = mit,
    filters: int = 256,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a SegFormer: a transformer encoder of four scales and a decoder without context.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 4 to 32; MiT-B0 by default.
        filters: Channels to which each scale is brought; 256 for B0 and B1, 768 above.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Xie et al. 2021, https://arxiv.org/abs/2105.15203, Figure 2. The logits, of stride 4, are
        interpolated to full size inside the model.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.positive_int(filters, "filters")
    _checks.functions(encoder=encoder)

    image, x = encoder_input(input_shape)
    _, *features = encoder(x)

    scales = []
    for level, x in zip((5, 4, 3, 2), reversed(features), strict=True):
        x = layers.Dense(filters, name=f"scale_{level}_linear")(x)
        for step in range(1, level - 1):
            x = blocks.bilinear(x, name=f"scale_{level}_up_{step}")
        scales.append(x)
    x = layers.Concatenate(name="scales")(scales)
    x = blocks.convolution(x, filters, 1, name="fusion")

    outputs = segmentation_output(x, image, num_classes, activation, doublings=2)
    return keras.Model(image, outputs, name="segformer")
