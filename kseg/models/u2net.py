"""U^2-Net (Qin et al. 2020)."""

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.models.heads import image_input, image_output, logits
from kseg.models.supervision import Weights, normalized, with_heads

Pairs = Sequence[tuple[int, int]]


def build_u2net(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Pairs = ((32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)),
    decoder_filters: Pairs = ((256, 512), (128, 256), (64, 128), (32, 64), (16, 64)),
    heads: int | None = None,
    head_weights: Weights = "equal",
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U^2-Net: a U-Net whose levels are small U-Nets themselves.

    Made for cutting out the salient object; deep and sharp at few parameters. Each level has a side
    head, and the answer fuses the logits of all sides. The paper's small network takes `(16, 64)`
    at every level.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels within and after the small U-Net of each of the six levels.
        decoder_filters: The same for the decoder's five levels, bottom to top.
        heads: Number of supervised heads, counted from the last, the fused one; by default all
            seven. With 1 the model is a plain one.
        head_weights: Weights of the heads: "equal", "half", or one number per head (`supervise`).
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `DeeplySupervised` model, or a plain one with a single head, from images `(batch, height,
        width, channels)`, values in [0, 255], to float32 probabilities `(batch, height, width,
        num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Qin et al. 2020, https://arxiv.org/abs/2005.09007, Figures 2 and 5, Table 1.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.pairs(filters, "filters", 6)
    decoder_filters = _checks.pairs(decoder_filters, "decoder_filters", 5)
    supervised = _checks.count(7 if heads is None else heads, 7, "heads")
    normalized(head_weights, supervised)

    image, x = image_input(input_shape, stride=32)

    features = {}
    for level, (middle, out) in enumerate(filters, start=1):
        if level > 1:
            x = blocks.max_pooling(x, name=f"encoder_{level}_down")
        x = features[level] = _level(x, level, middle, out, f"encoder_{level}")

    sides = {6: x}
    for level, (middle, out) in zip(range(5, 0, -1), decoder_filters, strict=True):
        x = blocks.bilinear(x, name=f"decoder_{level}_up")
        x = blocks.concatenate(x, features[level], name=f"decoder_{level}_skip")
        x = sides[level] = _level(x, level, middle, out, f"decoder_{level}")

    answers = {
        f"side_{level}": logits(
            sides[level], num_classes, kernel_size=3, doublings=level - 1, name=f"side_{level}"
        )
        for level in sides
    }
    fused = layers.Concatenate(name="sides")([*reversed(answers.values())])
    answers["fused"] = logits(fused, num_classes, name="fused")

    outputs = {
        name: image_output(x, image, activation, name=name)
        for name, x in list(answers.items())[-supervised:]
    }
    return with_heads(image, outputs, head_weights, "u2net")


def _level(x: KerasTensor, level: int, middle: int, out: int, name: str) -> KerasTensor:
    """Apply the residual U-block of a level: RSU-7 at the top, dilated RSU-4F at the bottom."""
    if level >= 5:
        return _dilated_u_block(x, middle, out, name)
    return _residual_u_block(x, 8 - level, middle, out, name)


def _residual_u_block(x: KerasTensor, height: int, middle: int, out: int, name: str) -> KerasTensor:
    """Add a U-Net of `height` convolutions down, the last one dilated, to its first features."""
    first = x = blocks.convolution(x, out, name=f"{name}_entry")
    features = []
    for step in range(1, height):
        if step > 1:
            x = blocks.max_pooling(x, name=f"{name}_down_{step}")
        x = blocks.convolution(x, middle, name=f"{name}_down", number=f"_{step}")
        features.append(x)
    x = blocks.convolution(x, middle, dilation=2, name=f"{name}_bottom")
    for step in range(height - 1, 0, -1):
        if step < height - 1:
            x = blocks.bilinear(x, name=f"{name}_up_{step}")
        x = blocks.concatenate(x, features[step - 1], name=f"{name}_skip_{step}")
        width = middle if step > 1 else out
        x = blocks.convolution(x, width, name=f"{name}_up", number=f"_{step}")
    return layers.Add(name=f"{name}_add")([x, first])


def _dilated_u_block(x: KerasTensor, middle: int, out: int, name: str) -> KerasTensor:
    """Do the same at one size, by dilation instead of pooling."""
    first = x = blocks.convolution(x, out, name=f"{name}_entry")
    features = []
    for dilation in (1, 2, 4):
        x = blocks.convolution(
            x, middle, dilation=dilation, name=f"{name}_down", number=f"_{dilation}"
        )
        features.append(x)
    x = blocks.convolution(x, middle, dilation=8, name=f"{name}_bottom")
    for dilation, skipped in zip((4, 2, 1), reversed(features), strict=True):
        x = blocks.concatenate(x, skipped, name=f"{name}_skip_{dilation}")
        width = middle if dilation > 1 else out
        x = blocks.convolution(
            x, width, dilation=dilation, name=f"{name}_up", number=f"_{dilation}"
        )
    return layers.Add(name=f"{name}_add")([x, first])
