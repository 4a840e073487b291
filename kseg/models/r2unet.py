"""R2U-Net (Alom, Hasan, Yakopcic, Taha and Asari 2018)."""

from collections.abc import Callable, Sequence

import keras

from kseg import _checks, blocks
from kseg.models.heads import image_input, segmentation_output


def build_r2unet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 1024),
    block: Callable = blocks.recurrent_residual,
    up: Callable = blocks.up_convolution,
    activation: str | None = "auto",
) -> keras.Model:
    """Build an R2U-Net: a U-Net of recurrent convolutions with residual connections.

    More computation for the same parameters: a convolution is applied `steps` + 1 times.

    Args:
        input_shape: `(height, width, channels)`; `None` for multiples of the stride, by default 16.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per level, top to bottom; the last is the bottleneck.
        block: Unit of a level; `partial(blocks.recurrent_residual, steps=3)` recurs once more.
        up: Up-sampling with a convolution, such as `blocks.up_convolution`.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> kseg.build_r2unet((64, 64, 3), 2, filters=(8, 16)).output_shape
        (None, 64, 64, 2)

    References:
        Alom et al. 2018, https://arxiv.org/abs/1802.06955, Figures 1 to 4.
    """
    _checks.network(input_shape, num_classes, activation)
    *encoder_filters, bottleneck_filters = _checks.widths(filters, "filters", at_least=2)
    _checks.functions(block=block, up=up)

    image, x = image_input(input_shape, stride=2 ** len(encoder_filters))

    features = []
    for level, width in enumerate(encoder_filters, start=1):
        x = block(x, width, name=f"encoder_{level}")
        features.append(x)
        x = blocks.max_pooling(x, name=f"encoder_{level}_down")

    x = block(x, bottleneck_filters, name="bottleneck")

    for level in range(len(features), 0, -1):
        width = encoder_filters[level - 1]
        x = up(x, width, name=f"decoder_{level}_up")
        x = blocks.concatenate(x, features[level - 1], name=f"decoder_{level}_skip")
        x = block(x, width, name=f"decoder_{level}")

    outputs = segmentation_output(x, image, num_classes, activation)
    return keras.Model(image, outputs, name="r2unet")
