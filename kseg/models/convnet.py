"""A plain stack of convolutions (Yu and Koltun 2016)."""

from collections.abc import Callable, Sequence

import keras

from kseg import _checks, blocks
from kseg.models.heads import image_input, segmentation_output


def build_convnet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 64, 64, 64, 64, 64, 64),
    dilations: Sequence[int] = (1, 1, 2, 4, 8, 16, 1),
    convolution: Callable = blocks.convolution,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a stack of convolutions at full size: no down-sampling, no decoder.

    For thin things and small images; its memory is that of every layer at full size. The default
    is the context module of the paper on raw pixels, with normalisation.

    Args:
        input_shape: `(height, width, channels)`; every size is taken as it is.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels a convolution.
        dilations: Dilation rate a convolution.
        convolution: A convolution, called as `convolution(x, filters, dilation=..., name=...)`.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Yu and Koltun 2016, https://arxiv.org/abs/1511.07122, Table 1.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters")
    dilations = _checks.widths(dilations, "dilations")
    _checks.same_length(dilations, filters, "dilations", "filters")
    _checks.functions(convolution=convolution)

    image, x = image_input(input_shape, stride=1)
    for step, (width, dilation) in enumerate(zip(filters, dilations, strict=True), start=1):
        x = convolution(x, width, dilation=dilation, name=f"layer_{step}")
    return keras.Model(
        image, segmentation_output(x, image, num_classes, activation), name="convnet"
    )
