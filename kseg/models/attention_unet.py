"""Attention U-Net (Oktay et al. 2018)."""

from collections.abc import Callable, Sequence

import keras

from kseg import _checks, blocks
from kseg.errors import KsegError
from kseg.models import names
from kseg.models.heads import image_input, segmentation_output


def build_attention_unet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[blocks.Filters] = (64, 128, 256, 512, 1024),
    block: Callable = blocks.double_convolution,
    up: Callable = blocks.up_convolution,
    gate: Callable = blocks.attention_gate,
    activation: str | None = "auto",
) -> keras.Model:
    """Build an Attention U-Net: a U-Net whose decoder weights the encoder's features.

    Where the classes lie in a small part of the image. `attention_maps` shows what the gates see.
    Unlike in the paper, a gate compares features at the size of the finer ones, after the decoder's
    up-sampling, as the most used 2-D implementation does; the heads of the paper's deep supervision
    are left to `supervise`.

    Args:
        input_shape: `(height, width, channels)`; `None` for multiples of the stride, by default 16.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per level, top to bottom; the last is the bottleneck.
        block: Convolutions of a level, such as `blocks.double_convolution`.
        up: Up-sampling with a convolution, such as `blocks.up_convolution`.
        gate: Weights features x by features g: `gate(x, g, filters, name=...)`.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> model = kseg.build_attention_unet((64, 64, 3), 2, filters=(8, 16, 32))
        >>> sorted(kseg.attention_maps(model).output)
        ['decoder_1_gate', 'decoder_2_gate']

    References:
        Oktay et al. 2018, https://arxiv.org/abs/1804.03999, Figure 1.
    """
    _checks.network(input_shape, num_classes, activation)
    *encoder_filters, bottleneck_filters = _checks.widths(
        filters, "filters", at_least=2, nested=True
    )
    _checks.functions(block=block, up=up, gate=gate)

    image, x = image_input(input_shape, stride=2 ** len(encoder_filters))

    features = []
    for level, width in enumerate(encoder_filters, start=1):
        x = block(x, width, name=f"encoder_{level}")
        features.append(x)
        x = blocks.max_pooling(x, name=f"encoder_{level}_down")

    x = block(x, bottleneck_filters, name="bottleneck")

    for level in range(len(features), 0, -1):
        skipped = features[level - 1]
        width = skipped.shape[-1]
        x = up(x, width, name=f"decoder_{level}_up")
        seen = gate(skipped, x, max(1, width // 2), name=f"decoder_{level}_gate")
        x = blocks.concatenate(x, seen, name=f"decoder_{level}_skip")
        x = block(x, encoder_filters[level - 1], name=f"decoder_{level}")

    outputs = segmentation_output(x, image, num_classes, activation)
    return keras.Model(image, outputs, name="attention_unet")


def attention_maps(model: keras.Model) -> keras.Model:
    """Return a model that gives what each attention gate of another one lets through.

    Args:
        model: A model with attention gates, such as `build_attention_unet` makes.

    Returns:
        A `keras.Model` from images to a dictionary: the gate's name, such as "decoder_1_gate", to
        its map, float32 `(batch, height, width, 1)` in [0, 1] at the size of the gated features.
        `plots.attention_picture` draws them.

    Raises:
        KsegError: The model has no attention gate.

    Example:
        >>> model = kseg.build_attention_unet((32, 32, 3), 2, filters=(4, 8))
        >>> maps = kseg.attention_maps(model)(np.zeros((1, 32, 32, 3)))
        >>> maps["decoder_1_gate"].shape == (1, 32, 32, 1)
        True
    """
    maps = {
        names.gate(layer.name): layer.output for layer in model.layers if names.gate(layer.name)
    }
    if not maps:
        raise KsegError(
            f"'{model.name}' has no attention gate (a layer named ..._gate_map). "
            "build_attention_unet makes a model with gates."
        )
    return keras.Model(model.input, maps, name="attention_maps")
