"""Tensor to tensor: the building blocks that architectures share.

A block of convolutions is called as `block(x, filters, name=...)`, a down-sampling as
`down(x, name=...)`, an up-sampling as `up(x, filters, name=...)` and a skip connection as
`skip(x, features, name=...)`. Options are set with `functools.partial`:

    build_unet((256, 256, 3), 5, block=partial(double_convolution, activation="gelu", dropout=0.1))
"""

from collections.abc import Callable

from keras import KerasTensor, layers

from kseg import _checks
from kseg.layers import BatchNormalization

Filters = int | tuple[int, ...]


def double_convolution(
    x: KerasTensor,
    filters: Filters,
    *,
    activation: str | Callable = "relu",
    normalization: Callable | None = BatchNormalization,
    use_bias: bool | None = None,
    dilation: int = 1,
    dropout: float = 0.0,
    name: str,
) -> KerasTensor:
    """Apply 3x3 convolutions, each normalised and activated; two of them where `filters` is an int.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of both convolutions; a tuple gives the channels of each of any number.
        activation: Name or function of the activation after each normalisation.
        normalization: Layer class called as `normalization(name=...)`, or `None` for none.
        use_bias: Whether the convolutions have a bias; by default only without normalisation,
            whose offset would make it redundant.
        dilation: Dilation rate of the convolutions (Yu and Koltun 2016).
        dropout: Part of the block's output set to zero in training, in [0, 1).
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, channels of the last convolution)`.

    References:
        Ronneberger, Fischer and Brox 2015, https://arxiv.org/abs/1505.04597, Figure 1, with "same"
        padding and batch normalisation.
    """
    if use_bias is None:
        use_bias = normalization is None
    for step, width in enumerate(_each_convolution(filters), start=1):
        x = layers.Conv2D(
            width,
            3,
            padding="same",
            dilation_rate=dilation,
            use_bias=use_bias,
            kernel_initializer="he_normal",
            name=f"{name}_conv_{step}",
        )(x)
        if normalization is not None:
            x = normalization(name=f"{name}_norm_{step}")(x)
        x = layers.Activation(activation, name=f"{name}_act_{step}")(x)
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x


def residual(
    x: KerasTensor,
    filters: Filters,
    *,
    activation: str | Callable = "relu",
    normalization: Callable | None = BatchNormalization,
    dropout: float = 0.0,
    name: str,
) -> KerasTensor:
    """Add a shortcut around 3x3 convolutions; the activation of the last one follows the sum.

    The shortcut is the identity, or a normalised 1x1 convolution where the channels change.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: As in `double_convolution`.
        activation: As in `double_convolution`.
        normalization: As in `double_convolution`.
        dropout: As in `double_convolution`.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, channels of the last convolution)`.

    References:
        He, Zhang, Ren and Sun 2016, https://arxiv.org/abs/1512.03385, Figure 2.
    """
    *_, last = widths = _each_convolution(filters)
    use_bias = normalization is None

    def convolution(y: KerasTensor, width: int, size: int, part: str, number: str) -> KerasTensor:
        y = layers.Conv2D(
            width,
            size,
            padding="same",
            use_bias=use_bias,
            kernel_initializer="he_normal",
            name=f"{name}_{part}{number}",
        )(y)
        return y if normalization is None else normalization(name=f"{name}_{part}_norm{number}")(y)

    shortcut = x if x.shape[-1] == last else convolution(x, last, 1, "shortcut", "")
    for step, width in enumerate(widths, start=1):
        x = convolution(x, width, 3, "conv", f"_{step}")
        if step < len(widths):
            x = layers.Activation(activation, name=f"{name}_act_{step}")(x)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    x = layers.Activation(activation, name=f"{name}_act")(x)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x


def max_pooling(x: KerasTensor, *, name: str) -> KerasTensor:
    """Halve the size by the maximum of each 2x2 window."""
    return layers.MaxPooling2D(2, name=name)(x)


def strided_convolution(x: KerasTensor, *, kernel_size: int = 3, name: str) -> KerasTensor:
    """Halve the size by a convolution of stride 2 that keeps the channels."""
    return layers.Conv2D(
        x.shape[-1],
        kernel_size,
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        name=name,
    )(x)


def transposed_convolution(x: KerasTensor, filters: int, *, name: str) -> KerasTensor:
    """Double the size by a 2x2 transposed convolution of stride 2 to `filters` channels."""
    return layers.Conv2DTranspose(
        filters, 2, strides=2, padding="same", kernel_initializer="he_normal", name=name
    )(x)


def upsample(
    x: KerasTensor,
    filters: int,
    *,
    interpolation: str = "bilinear",
    kernel_size: int | None = None,
    name: str,
) -> KerasTensor:
    """Double the size by interpolation, which keeps the channels.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the convolution that follows where `kernel_size` is given.
        interpolation: "bilinear" (half-pixel centres, edges repeated) or "nearest".
        kernel_size: Size of a convolution to `filters` channels after the interpolation; `None`,
            the default, leaves it out.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, 2 height, 2 width, channels or filters)`.

    Raises:
        ValueError: The interpolation is unknown.
    """
    _checks.one_of(interpolation, ("bilinear", "nearest"), "interpolation")
    x = bilinear(x, name=name) if interpolation == "bilinear" else _repeat(x, (2, 2), name)
    if kernel_size is None:
        return x
    return layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def bilinear(x: KerasTensor, *, name: str) -> KerasTensor:
    """Double the size bilinearly (half-pixel centres, edges repeated), for any input size.

    Along an axis, the outputs between neighbours a and b are (3a + b)/4 and (a + 3b)/4. That is a
    quarter of the repeated signal plus three quarters of its running mean of three, which leaves
    out what lies beyond the edge. Only built-in layers are used: `UpSampling2D("bilinear")` of
    Keras 3.15 on TensorFlow fails where the size is not known when the model is built.
    """
    for axis, factor in (("rows", (2, 1)), ("columns", (1, 2))):
        part = f"{name}_{axis}"
        x = _repeat(x, factor, part)
        window = tuple(3 if repeat == 2 else 1 for repeat in factor)
        mean = layers.AveragePooling2D(window, strides=1, padding="same", name=f"{part}_mean")(x)
        mean = layers.Rescaling(0.75, name=f"{part}_mean_part")(mean)
        x = layers.Rescaling(0.25, name=f"{part}_own_part")(x)
        x = layers.Add(name=f"{part}_sum")([x, mean])
    return x


def concatenate(x: KerasTensor, features: KerasTensor, *, name: str) -> KerasTensor:
    """Join the encoder's features and the decoder's along the channels, the encoder's first."""
    return layers.Concatenate(name=name)([features, x])


def _repeat(x: KerasTensor, factor: tuple[int, int], name: str) -> KerasTensor:
    return layers.UpSampling2D(factor, interpolation="nearest", name=f"{name}_repeat")(x)


def _each_convolution(filters: Filters) -> tuple[int, ...]:
    return (filters, filters) if isinstance(filters, int) else tuple(filters)
