"""A plain stack of convolutions (Yu and Koltun 2016)."""

from collections.abc import Callable, Sequence

import keras

from kseg import _checks, blocks
from kseg.errors import KsegError
from kseg.models.heads import image_input, segmentation_output

PUBLISHED = (1, 1, 2, 4, 8, 16, 1)
"""Dilation rates of the context module's seven layers before the last."""


def build_convnet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 64, 64, 64, 64, 64, 64),
    dilations: Sequence[int] | None = None,
    block: Callable = blocks.convolution,
    kernel_size: int = 1,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a stack of convolutions at full size: no down-sampling, no decoder.

    For thin things and small images; its memory is that of every layer at full size. The default
    is the context module of the paper on raw pixels, with normalisation.

    Args:
        input_shape: `(height, width, channels)`; every size is taken as it is.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels per convolution.
        dilations: Dilation rate per convolution; by default the paper's 1, 1, 2, 4, 8, 16, 1 where
            there are seven, and 1 everywhere where there are not.
        block: A convolution, called as `block(x, filters, dilation=..., name=...)`.
        kernel_size: Height and width of the kernel of the convolution to the classes.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    Example:
        >>> model = kseg.build_convnet((50, 70, 1), 2, filters=(8, 8), dilations=(1, 2))
        >>> model.output_shape, kseg.measure(model).receptive_field  # 1 + 2 * 1 + 2 * 2
        ((None, 50, 70, 2), 7)

    References:
        Yu and Koltun 2016, https://arxiv.org/abs/1511.07122, Table 1.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters")
    if dilations is None:
        dilations = PUBLISHED if len(filters) == len(PUBLISHED) else (1,) * len(filters)
    dilations = _checks.widths(dilations, "dilations")
    _checks.same_length(dilations, filters, "dilations", "filters")
    kernel_size = _checks.positive_int(kernel_size, "kernel_size")
    _checks.functions(block=block)
    options = getattr(block, "keywords", {})
    if "dilation" in options:
        raise KsegError(
            "block must be without a dilation of its own, since dilations= gives one per "
            f"convolution. Received: dilation={options['dilation']!r} of block."
        )

    image, x = image_input(input_shape, stride=1)
    for step, (width, dilation) in enumerate(zip(filters, dilations, strict=True), start=1):
        x = block(x, width, dilation=dilation, name=f"layer_{step}")

    outputs = segmentation_output(x, image, num_classes, activation, kernel_size=kernel_size)
    return keras.Model(image, outputs, name="convnet")
