"""ResNet (He, Zhang, Ren and Sun 2016)."""

from collections.abc import Callable
from functools import partial

from keras import KerasTensor, layers

from kseg import _checks
from kseg.encoders import inputs
from kseg.errors import KsegError
from kseg.layers import BatchNormalization

# Depth: blocks per stage, and whether a block is a bottleneck of three convolutions.
DEPTHS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
}
EXPANSION = 4


def resnet(
    x: KerasTensor,
    *,
    depth: int = 34,
    width: int = 64,
    activation: str | Callable = "relu",
    output_stride: int = 32,
) -> tuple[KerasTensor, ...]:
    """Turn an image into features of five strides: those of the stem and of the four stages.

    A bottleneck halves the size in its first convolution, as in the paper; zero padding is "same".
    So do the published weights of keras-cv; those of `keras.applications` assume another padding.

    Args:
        x: Raw pixels, shape `(batch, height, width, channels)`, values in [0, 255].
        depth: Layers with weights: 18, 34, 50 or 101.
        width: Channels of the stem and of the first stage; each further stage doubles them. A
            stage of bottlenecks, from depth 50, gives four times as many.
        activation: Name or function of the activation.
        output_stride: Stride of the last features: 32, 16 or 8. Stages that would go below it are
            dilated instead (Yu and Koltun 2016).

    Returns:
        Features of strides 2, 4, 8, 16 and 32, none above `output_stride`.

    Raises:
        KsegError: The depth, width or output stride is not one of the above.

    References:
        He, Zhang, Ren and Sun 2016, https://arxiv.org/abs/1512.03385, Table 1 and Figure 5.
    """
    if depth not in DEPTHS:
        raise KsegError(f"depth must be one of {tuple(DEPTHS)}. Received: {depth!r}.")
    width = _checks.positive_int(width, "width")
    blocks, is_bottleneck = DEPTHS[depth]
    block = partial(_bottleneck if is_bottleneck else _basic, activation=activation)

    x = inputs.scale_pixels(x, "unit")
    x = _convolution(x, width, 7, stride=2, name="stem")
    x = layers.Activation(activation, name="stem_act")(x)
    features = [x]
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)

    stages = zip(blocks, _strides(output_stride), strict=True)
    for stage, (count, (stride, before, dilation)) in enumerate(stages, start=1):
        filters = width * 2 ** (stage - 1)
        x = block(x, filters, stride, (before, dilation), name=f"stage_{stage}_block_1")
        for number in range(2, count + 1):
            x = block(x, filters, 1, (dilation, dilation), name=f"stage_{stage}_block_{number}")
        features.append(x)
    return tuple(features)


def _strides(output_stride: int) -> list[tuple[int, int, int]]:
    """Give the stride of each stage, the dilation before the stride and the one after it.

    A stage that may not halve the size any more doubles the dilation of all that follows its stride
    instead, so that each filter sees the pixels that it would have seen.
    """
    if output_stride not in (32, 16, 8):
        raise KsegError(f"output_stride must be 32, 16 or 8. Received: {output_stride!r}.")
    dilations = [max(1, stride // output_stride) for stride in (4, 8, 16, 32)]
    befores = [1, *dilations[:-1]]
    return [
        (1 if stage == 0 or after > before else 2, before, after)
        for stage, (before, after) in enumerate(zip(befores, dilations, strict=True))
    ]


def _basic(
    x: KerasTensor,
    filters: int,
    stride: int,
    dilations: tuple[int, int],
    *,
    activation: str | Callable,
    name: str,
) -> KerasTensor:
    """Two 3x3 convolutions; the first is strided, so what it sees is not yet dilated further."""
    before, after = dilations
    y = _convolution(x, filters, 3, stride, before, name=name, number="_1")
    y = layers.Activation(activation, name=f"{name}_act_1")(y)
    y = _convolution(y, filters, 3, 1, after, name=name, number="_2")
    return _add(x, y, stride, activation, name)


def _bottleneck(
    x: KerasTensor,
    filters: int,
    stride: int,
    dilations: tuple[int, int],
    *,
    activation: str | Callable,
    name: str,
) -> KerasTensor:
    """1x1 to fewer channels, 3x3, 1x1 to more channels; the first is strided."""
    y = _convolution(x, filters, 1, stride, name=name, number="_1")
    y = layers.Activation(activation, name=f"{name}_act_1")(y)
    y = _convolution(y, filters, 3, 1, dilations[1], name=name, number="_2")
    y = layers.Activation(activation, name=f"{name}_act_2")(y)
    y = _convolution(y, EXPANSION * filters, 1, name=name, number="_3")
    return _add(x, y, stride, activation, name)


def _add(
    x: KerasTensor, y: KerasTensor, stride: int, activation: str | Callable, name: str
) -> KerasTensor:
    """Add the shortcut: the identity, or a strided 1x1 convolution where the shape changes."""
    if stride > 1 or x.shape[-1] != y.shape[-1]:
        x = _convolution(x, y.shape[-1], 1, stride, name=f"{name}_shortcut")
    x = layers.Add(name=f"{name}_add")([x, y])
    return layers.Activation(activation, name=f"{name}_act")(x)


def _convolution(
    x: KerasTensor,
    filters: int,
    size: int,
    stride: int = 1,
    dilation: int = 1,
    *,
    name: str,
    number: str = "",
) -> KerasTensor:
    x = layers.Conv2D(
        filters,
        size,
        strides=stride,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv{number}",
    )(x)
    return BatchNormalization(epsilon=1.001e-5, name=f"{name}_norm{number}")(x)
