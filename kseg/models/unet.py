"""U-Net (Ronneberger, Fischer and Brox 2015)."""

from collections.abc import Callable, Sequence

import keras

from kseg import _checks, blocks
from kseg.models import heads


def build_unet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[blocks.Filters] = (64, 128, 256, 512, 1024),
    decoder_filters: Sequence[blocks.Filters] | None = None,
    block: Callable = blocks.double_convolution,
    down: Callable = blocks.max_pooling,
    up: Callable = blocks.transposed_convolution,
    skip: Callable | None = blocks.concatenate,
    head: Callable | None = None,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U-Net: an encoder, a bottleneck, and a decoder that takes the encoder's features.

    The default is the network of the paper with "same" padding and batch normalisation. It takes
    raw pixels: the scaling from [0, 255] is its first layer.

    Args:
        input_shape: `(height, width, channels)`. A size that the network's stride does not divide
            is padded inside; with `(None, None, channels)` the caller gives sizes that it divides.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per level, top to bottom; the last is the bottleneck. An entry is an int,
            for all convolutions of its block, or a tuple with the channels of each.
        decoder_filters: Channels per level of the decoder, bottom to top; by default the encoder's
            in reverse, without the bottleneck.
        block: Convolutions of a level, such as `blocks.double_convolution` or `blocks.residual`.
        down: Down-sampling, such as `blocks.max_pooling` or `blocks.strided_convolution`.
        up: Up-sampling, such as `blocks.transposed_convolution` or `blocks.upsample`. It is asked
            for the channels of the level that it reaches.
        skip: How the encoder's features join, such as `blocks.concatenate`; `None` for no skips.
        head: Convolutions between the decoder and the 1x1 convolution to the classes, called as
            `head(x, name="head")`, such as `partial(blocks.convolution, filters=3)`.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> model = kseg.build_unet((99, 150, 3), 8, filters=(8, 16, 32))
        >>> model.output_shape  # padded to 100 x 152 and cropped inside
        (None, 99, 150, 8)

    References:
        Ronneberger, Fischer and Brox 2015, https://arxiv.org/abs/1505.04597, Figure 1.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters", at_least=2, nested=True)
    *encoder_filters, bottleneck_filters = filters
    if decoder_filters is None:
        decoder_filters = encoder_filters[::-1]
    decoder_filters = _checks.widths(decoder_filters, "decoder_filters", nested=True)
    _checks.same_length(decoder_filters, encoder_filters, "decoder_filters", "the encoder")
    optional = {"skip": skip, "head": head}
    _checks.functions(block=block, down=down, up=up, **{k: v for k, v in optional.items() if v})

    image, x = heads.image_input(input_shape, stride=2 ** len(encoder_filters))

    features = []
    for level, width in enumerate(encoder_filters, start=1):
        x = block(x, width, name=f"encoder_{level}")
        features.append(x)
        x = down(x, name=f"encoder_{level}_down")

    x = block(x, bottleneck_filters, name="bottleneck")

    for level, width in zip(range(len(features), 0, -1), decoder_filters, strict=True):
        x = up(x, features[level - 1].shape[-1], name=f"decoder_{level}_up")
        if skip is not None:
            x = skip(x, features[level - 1], name=f"decoder_{level}_skip")
        x = block(x, width, name=f"decoder_{level}")

    if head is not None:
        x = head(x, name="head")
    outputs = heads.segmentation_output(x, image, num_classes, activation)
    return keras.Model(image, outputs, name="unet")
