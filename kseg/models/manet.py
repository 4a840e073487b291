"""MA-Net (Fan, Wang, Liu and Zhu 2020)."""

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor, layers, ops

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_manet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    filters: Sequence[int] = (256, 128, 64, 32, 16),
    key_filters: int = 64,
    reduction: int = 16,
    activation: str | None = "auto",
) -> keras.Model:
    """Build an MA-Net: a U-Net's decoder with attention over positions and over channels.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 2 to 32; ResNet-34 by default.
        filters: Channels per level of the decoder, bottom to top.
        key_filters: Channels in which positions are compared.
        reduction: How many times narrower the channel attention is than its input.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Fan, Wang, Liu and Zhu 2020, https://doi.org/10.1109/ACCESS.2020.3025372, Figures 2 to 5.
        A position's attention sums to 1 over all others, as in the paper; the last level, at full
        size, is that of segmentation_models.pytorch.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters")
    _checks.same_length(filters, range(5), "filters", "the encoder's strides 2 to 32")
    key_filters = _checks.positive_int(key_filters, "key_filters")
    reduction = _checks.positive_int(reduction, "reduction")
    _checks.functions(encoder=encoder)

    image, x = encoder_input(input_shape)
    *features, x = encoder(x)

    x = _position_attention(x, key_filters, "center")

    for level, width in zip(range(5, 0, -1), filters, strict=True):
        name = f"decoder_{level}"
        skipped = features[level - 2] if level > 1 else None
        if skipped is None:
            x = blocks.upsample_nearest(x, width, name=f"{name}_up")
        else:
            x = blocks.convolution(x, x.shape[-1], name=f"{name}_entry")
            x = blocks.convolution(x, skipped.shape[-1], 1, name=f"{name}_squeeze")
            x = blocks.upsample_nearest(x, width, name=f"{name}_up")
            x = _fused_by_attention(x, skipped, reduction, name)
        x = blocks.double_convolution(x, width, name=name)

    outputs = segmentation_output(x, image, num_classes, activation, kernel_size=3)
    return keras.Model(image, outputs, name="manet")


def _position_attention(x: KerasTensor, key_filters: int, name: str) -> KerasTensor:
    """Add to each position what all positions hold, weighted by how alike they are."""
    query = layers.Conv2D(key_filters, 1, name=f"{name}_query")(x)
    key = layers.Conv2D(key_filters, 1, name=f"{name}_key")(x)
    value = layers.Conv2D(x.shape[-1], 3, padding="same", name=f"{name}_value")(x)
    likeness = ops.einsum("bhwc,bijc->bhwij", query, key)
    attention = layers.Softmax(axis=(-2, -1), dtype="float32", name=f"{name}_attention")(likeness)
    seen = ops.einsum("bhwij,bijc->bhwc", ops.cast(attention, value.dtype), value)
    x = layers.Add(name=f"{name}_add")([x, seen])
    return layers.Conv2D(x.shape[-1], 3, padding="same", name=f"{name}_conv")(x)


def _fused_by_attention(
    x: KerasTensor, skipped: KerasTensor, reduction: int, name: str
) -> KerasTensor:
    """Weight the decoder's channels by what both inputs hold, and join the encoder's."""
    weights = layers.Add(name=f"{name}_channel_attention")(
        [
            blocks.channel_attention(x, reduction, name=f"{name}_high"),
            blocks.channel_attention(skipped, reduction, name=f"{name}_low"),
        ]
    )
    x = layers.Multiply(name=f"{name}_weighted")([x, weights])
    return blocks.concatenate(x, skipped, name=f"{name}_skip")
