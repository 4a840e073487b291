"""U-Net and U-Net++ on the features of any encoder."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_encoder_unet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    filters: Sequence[blocks.Filters] = (256, 128, 64, 32, 16),
    block: Callable = blocks.double_convolution,
    up: Callable = blocks.upsample_nearest,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U-Net's decoder on an encoder, such as one with weights learned on ImageNet.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 2 to 32, such as
            `encoders.make_encoder("resnet50", weights="imagenet")`; ResNet-34 by default.
        filters: Channels per level of the decoder, bottom to top. Five levels lead to full size;
            a shorter decoder ends at a coarser stride, such as 4 after three levels, and its logits
            are doubled bilinearly the rest of the way.
        block: Convolutions of a level of the decoder.
        up: Up-sampling of the decoder.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> encoder = kseg.encoders.make_encoder("resnet18", width=8)
        >>> filters = (16, 8, 8, 8, 8)
        >>> kseg.build_encoder_unet((64, 64, 3), 2, encoder=encoder, filters=filters).output_shape
        (None, 64, 64, 2)

    References:
        Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597; on a classifier's features as in
        Iglovikov and Shvets 2018, https://arxiv.org/abs/1801.05746.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters", at_least=1, at_most=5, nested=True)
    _checks.functions(encoder=encoder, block=block, up=up)

    image, x = encoder_input(input_shape)
    *features, x = encoder(x)

    for level, width in zip(range(5, 0, -1), filters, strict=False):
        x = up(x, x.shape[-1], name=f"decoder_{level}_up")
        if level > 1 and features[level - 2] is not None:
            x = blocks.concatenate(x, features[level - 2], name=f"decoder_{level}_skip")
        x = block(x, width, name=f"decoder_{level}")

    outputs = segmentation_output(
        x, image, num_classes, activation, kernel_size=3, doublings=5 - len(filters)
    )
    return keras.Model(image, outputs, name="encoder_unet")


def build_encoder_unetpp(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    filters: Sequence[int] = (256, 128, 64, 32, 16),
    block: Callable = blocks.double_convolution,
    up: Callable = blocks.upsample_nearest,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U-Net++'s nested decoder on an encoder, such as one with weights of ImageNet.

    The nodes are those of `build_unetpp` at the levels of strides 2 to 32; a last block at full
    size follows, as in segmentation_models.pytorch. Its inner nodes have the encoder's channels.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 2 to 32, such as
            `encoders.make_encoder("resnet50", weights="imagenet")`; ResNet-34 by default.
        filters: Channels of the last node of each level, bottom to top.
        block: Convolutions of a node.
        up: Up-sampling of the decoder.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Zhou et al. 2020, https://arxiv.org/abs/1912.05074, Figure 2.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters")
    _checks.same_length(filters, range(5), "filters", "the encoder's strides 2 to 32")
    _checks.functions(encoder=encoder, block=block, up=up)

    image, x = encoder_input(input_shape)
    features = encoder(x)
    nodes = {(level, 0): x for level, x in enumerate(features, start=1)}

    for column in range(1, 5):
        for level in range(1, 6 - column):
            node = f"x{level}_{column}"
            before = [nodes[level, earlier] for earlier in range(column)]
            below = nodes[level + 1, column - 1]
            below = up(below, below.shape[-1], name=f"{node}_up")
            joined = [x for x in (*before, below) if x is not None]
            x = layers.Concatenate(name=f"{node}_skip")(joined) if len(joined) > 1 else below
            is_last = level + column == 5 or nodes[level, 0] is None
            width = filters[4 - level] if is_last else nodes[level, 0].shape[-1]
            nodes[level, column] = block(x, width, name=node)

    x = up(nodes[1, 4], filters[3], name="x0_5_up")
    x = block(x, filters[4], name="x0_5")

    outputs = segmentation_output(x, image, num_classes, activation, kernel_size=3)
    return keras.Model(image, outputs, name="encoder_unetpp")
