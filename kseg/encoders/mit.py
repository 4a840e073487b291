"""Mix Transformer, the encoder of SegFormer (Xie et al. 2021)."""

from collections.abc import Sequence

import numpy as np
from keras import KerasTensor, layers

from kseg import _checks
from kseg.encoders import inputs
from kseg.errors import KsegError

# One entry per stage.
HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
PATCHES = ((7, 4), (3, 2), (3, 2), (3, 2))
EXPANSION = 4


def mit(
    x: KerasTensor,
    *,
    width: int = 32,
    depths: Sequence[int] = (2, 2, 2, 2),
    stochastic_depth: float = 0.1,
    output_stride: int = 32,
) -> tuple[KerasTensor | None, ...]:
    """Turn an image into features of strides 4, 8, 16 and 32 by four stages of transformer blocks.

    B0 has a width of 32, B1 to B5 one of 64; `kseg.encoders.ENCODERS` lists their depths. Features
    stay images throughout, and positions come from zero padding alone, so any size will do.

    Args:
        x: Raw pixels, shape `(batch, height, width, channels)`, values in [0, 255].
        width: Channels of an attention head. The stages have 1, 2, 5 and 8 heads.
        depths: Blocks of each of the four stages.
        stochastic_depth: Part of the images for which the last block's branches are left out in
            training, in [0, 1) (Huang et al. 2016); it grows from 0 in the first block.
        output_stride: 32; the stages cannot be dilated.

    Returns:
        `None` in the place of stride 2, then features of `width` times 1, 2, 5 and 8 channels.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Xie et al. 2021, https://arxiv.org/abs/2105.15203, Figure 2 and Table 6.
    """
    inputs.refuse_dilation(output_stride, "A Mix Transformer")
    width = _checks.positive_int(width, "width")
    depths = _checks.widths(depths, "depths")
    _checks.same_length(depths, HEADS, "depths", "the stages")
    if not 0 <= stochastic_depth < 1:
        raise KsegError(f"stochastic_depth must be in [0, 1). Received: {stochastic_depth!r}.")
    drops = iter(np.linspace(0, stochastic_depth, sum(depths)).tolist())

    x = inputs.scale_pixels(x, "imagenet")
    features = [None]
    stages = zip(depths, HEADS, REDUCTIONS, PATCHES, strict=True)
    for stage, (depth, heads, reduction, patch) in enumerate(stages, start=1):
        x = _patch_embedding(x, heads * width, *patch, name=f"stage_{stage}_patch")
        for number in range(1, depth + 1):
            block, drop = f"stage_{stage}_block_{number}", next(drops)
            y = _efficient_attention(x, heads, reduction, name=f"{block}_attention")
            x = _add(x, y, drop, name=f"{block}_attention")
            y = _mix_feed_forward(x, name=f"{block}_mix")
            x = _add(x, y, drop, name=f"{block}_mix")
        x = layers.LayerNormalization(epsilon=1e-6, name=f"stage_{stage}_norm")(x)
        features.append(x)
    return tuple(features)


def _patch_embedding(
    x: KerasTensor, filters: int, size: int, stride: int, *, name: str
) -> KerasTensor:
    """Embed patches that overlap; padded alike on both sides, as the published weights expect."""
    x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, size, strides=stride, name=f"{name}_conv")(x)
    return layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")(x)


def _efficient_attention(x: KerasTensor, heads: int, reduction: int, *, name: str) -> KerasTensor:
    """Attend from every position to positions that a strided convolution sums up."""
    filters = x.shape[-1]
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
    keys = x
    if reduction > 1:
        keys = layers.Conv2D(
            filters, reduction, strides=reduction, padding="same", name=f"{name}_reduction"
        )(keys)
        keys = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_reduction_norm")(keys)
    return layers.MultiHeadAttention(heads, filters // heads, attention_axes=(1, 2), name=name)(
        x, keys
    )


def _mix_feed_forward(x: KerasTensor, *, name: str) -> KerasTensor:
    """Two dense layers with a 3x3 depthwise convolution between, which tells positions apart."""
    filters = x.shape[-1]
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
    x = layers.Dense(EXPANSION * filters, name=f"{name}_dense_1")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(x)
    x = layers.Activation("gelu", name=f"{name}_act")(x)
    return layers.Dense(filters, name=f"{name}_dense_2")(x)


def _add(x: KerasTensor, branch: KerasTensor, drop: float, *, name: str) -> KerasTensor:
    """Add a branch, which stochastic depth leaves out for whole images."""
    if drop:
        branch = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(branch)
    return layers.Add(name=f"{name}_add")([x, branch])
