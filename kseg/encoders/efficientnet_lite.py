"""EfficientNet-Lite (Liu 2020), EfficientNet (Tan and Le 2019) without squeeze-and-excitation."""

import math
from collections.abc import Callable
from functools import partial

from keras import KerasTensor, initializers, layers

from kseg import _checks
from kseg.encoders import inputs
from kseg.encoders.table import FEATURE_NORM
from kseg.layers import BatchNormalization

# One entry per stage: blocks, kernel size, stride, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
# Variant: what channels and blocks are multiplied by.
SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
# The stages whose outputs are the last of strides 2, 4, 8, 16 and 32.
ENDS = (1, 2, 3, 5, 7)


def efficientnet_lite(
    x: KerasTensor,
    *,
    variant: int = 0,
    activation: str | Callable = "relu6",
    output_stride: int = 32,
) -> tuple[KerasTensor, ...]:
    """Turn an image into features of five strides by seven stages of inverted bottlenecks.

    Made for the processors of phones: without squeeze-and-excitation, and clipped at 6 where
    EfficientNet has swish. From Lite2 on the stages are wider, from Lite1 on deeper; the stem and
    the number of blocks of the first and the last stage are the same in all.

    Args:
        x: Raw pixels, shape `(batch, height, width, channels)`, values in [0, 255].
        variant: 0, 1 or 2, for Lite0, Lite1 or Lite2.
        activation: Name or function of the activation.
        output_stride: Stride of the last features: 32, 16 or 8. Stages that would go below it are
            dilated instead (Yu and Koltun 2016).

    Returns:
        Features of strides 2, 4, 8, 16 and 32, none above `output_stride`: the outputs of stages 1,
        2, 3, 5 and 7, each normalised per channel on its way to a decoder. What the stages hand on
        among themselves is not: with ImageNet weights its spread falls from 10 to 1.5.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Tan and Le 2019, https://arxiv.org/abs/1905.11946, Table 1;
        https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
    """
    _checks.number_of(output_stride, (8, 16, 32), "output_stride")
    width, _ = SCALES[_checks.number_of(variant, tuple(SCALES), "variant")]

    x = inputs.scale_pixels(x, "symmetric_127")
    x = _normalized(_convolution(STEM, 3, 2, name="stem_conv")(x), "stem", activation)
    features, reached, dilation = [], 2, 1
    stages = zip(STAGES, blocks_per_stage(variant), strict=True)
    for stage, ((_, size, stride, expansion, filters), count) in enumerate(stages, start=1):
        block = partial(
            _inverted_bottleneck,
            filters=_rounded(filters * width),
            size=size,
            expansion=expansion,
            activation=activation,
        )
        before = dilation
        if stride * reached > output_stride:
            stride, dilation = 1, stride * dilation
        reached *= stride
        x = block(x, stride=stride, dilation=before, name=f"stage_{stage}_block_1")
        for number in range(2, count + 1):
            x = block(x, stride=1, dilation=dilation, name=f"stage_{stage}_block_{number}")
        if stage in ENDS:
            name = f"stage_{stage}{FEATURE_NORM}"
            features.append(BatchNormalization(epsilon=1e-3, name=name)(x))
    return tuple(features)


def blocks_per_stage(variant: int) -> tuple[int, ...]:
    """Return the number of blocks of each stage; the first and the last never gain any."""
    _, depth = SCALES[variant]
    first, *between, last = (stage[0] for stage in STAGES)
    return (first, *(math.ceil(count * depth) for count in between), last)


def _rounded(channels: float) -> int:
    """Round to the nearest multiple of 8 that takes away no more than a tenth."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _inverted_bottleneck(
    x: KerasTensor,
    *,
    filters: int,
    size: int,
    stride: int,
    dilation: int,
    expansion: int,
    activation: str | Callable,
    name: str,
) -> KerasTensor:
    """1x1 to more channels, depthwise, 1x1 to fewer without activation; added where it fits."""
    y = x
    if expansion > 1:
        y = _convolution(expansion * x.shape[-1], 1, name=f"{name}_expand_conv")(y)
        y = _normalized(y, f"{name}_expand", activation)
    y = layers.DepthwiseConv2D(
        size,
        strides=stride,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}_depthwise_conv",
    )(y)
    y = _normalized(y, f"{name}_depthwise", activation)
    y = _normalized(_convolution(filters, 1, name=f"{name}_project_conv")(y), f"{name}_project")
    if stride > 1 or x.shape[-1] != filters:
        return y
    return layers.Add(name=f"{name}_add")([x, y])


def _convolution(filters: int, size: int, stride: int = 1, *, name: str) -> layers.Conv2D:
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=name,
    )


def _normalized(x: KerasTensor, name: str, activation: str | Callable | None = None) -> KerasTensor:
    x = BatchNormalization(epsilon=1e-3, name=f"{name}_norm")(x)
    return x if activation is None else layers.Activation(activation, name=f"{name}_act")(x)


def _initializer() -> initializers.Initializer:
    """Make that of the published code: he_normal would count a depthwise kernel's channels."""
    return initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
