"""UNet 3+ (Huang et al. 2020)."""

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.models.heads import image_input, segmentation_output
from kseg.models.supervision import Weights, normalized, with_heads


def build_unet3plus(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 1024),
    skip_filters: int = 64,
    block: Callable = blocks.double_convolution,
    heads: int | None = None,
    head_weights: Weights = "equal",
    activation: str | None = "auto",
) -> keras.Model:
    """Build a UNet 3+: each level of the decoder sees features of all scales.

    The encoder's features of the same and finer levels are pooled, the decoder's of coarser levels
    interpolated, all convolved to the same number of channels. The paper's classification-guided
    module, for images without any object of one class, is left out.

    Args:
        input_shape: `(height, width, channels)`; `None` for multiples of the stride, by default 16.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per level of the encoder, top to bottom.
        skip_filters: Channels of what a decoder level takes from each scale.
        block: Convolutions of the encoder's levels, such as `blocks.double_convolution`.
        heads: Number of supervised heads, counted from the last, `decoder_1`; by default one on
            every level. With 1 the model is a plain one.
        head_weights: Weights of the heads: "equal", "half", or one number per head (`supervise`).
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `DeeplySupervised` model, or a plain one with a single head, from images `(batch, height,
        width, channels)`, values in [0, 255], to float32 probabilities `(batch, height, width,
        num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> kseg.build_unet3plus((64, 64, 3), 2, filters=(8, 16, 32)).head_names
        ('decoder_3', 'decoder_2', 'decoder_1')

    References:
        Huang et al. 2020, https://arxiv.org/abs/2004.08790, Figures 1 and 2.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters", at_least=2)
    skip_filters = _checks.positive_int(skip_filters, "skip_filters")
    _checks.functions(block=block)
    depth = len(filters)
    supervised = range(_checks.count(depth if heads is None else heads, depth, "heads"), 0, -1)
    normalized(head_weights, len(supervised))

    image, x = image_input(input_shape, stride=2 ** (depth - 1))

    encoder = {}
    for level, width in enumerate(filters, start=1):
        if level > 1:
            x = blocks.max_pooling(x, name=f"encoder_{level}_down")
        x = encoder[level] = block(x, width, name=f"encoder_{level}")

    decoder = {depth: x}
    for level in range(depth - 1, 0, -1):
        scales = [
            *(_pooled(encoder[finer], level, finer) for finer in range(1, level + 1)),
            *(_raised(decoder[coarser], level, coarser) for coarser in range(level + 1, depth + 1)),
        ]
        taken = [
            blocks.convolution(x, skip_filters, name=f"decoder_{level}_scale_{number}")
            for number, x in enumerate(scales, start=1)
        ]
        x = layers.Concatenate(name=f"decoder_{level}_skip")(taken)
        decoder[level] = blocks.convolution(x, skip_filters * depth, name=f"decoder_{level}")

    outputs = {
        f"decoder_{level}": segmentation_output(
            decoder[level],
            image,
            num_classes,
            activation,
            kernel_size=3,
            doublings=level - 1,
            name=f"decoder_{level}",
        )
        for level in supervised
    }
    return with_heads(image, outputs, head_weights, "unet3plus")


def _pooled(x: KerasTensor, level: int, finer: int) -> KerasTensor:
    if finer == level:
        return x
    name = f"decoder_{level}_from_encoder_{finer}_pool"
    return layers.MaxPooling2D(2 ** (level - finer), name=name)(x)


def _raised(x: KerasTensor, level: int, coarser: int) -> KerasTensor:
    for step in range(1, coarser - level + 1):
        x = blocks.bilinear(x, name=f"decoder_{level}_from_{coarser}_up_{step}")
    return x
