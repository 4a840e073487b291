"""Convolutions: tensor to tensor, at the same size."""

from collections.abc import Callable, Sequence
from functools import partial

from keras import KerasTensor, layers

from kseg import _checks
from kseg.blocks.normalizations import Normalization, normalizer
from kseg.layers import BatchNormalization

Filters = int | tuple[int, ...]
Dropout = float | tuple[float, ...]


def convolution(
    x: KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    strides: int = 1,
    dilation: int = 1,
    activation: str | Callable | None = "relu",
    normalization: Normalization = BatchNormalization,
    use_bias: bool | None = None,
    dropout: Dropout = 0.0,
    name: str,
    number: str = "",
) -> KerasTensor:
    """Apply a convolution, normalise, and activate.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the result.
        kernel_size: Height and width of the kernel.
        strides: Step of the kernel.
        dilation: Dilation rate (Yu and Koltun 2016, https://arxiv.org/abs/1511.07122).
        activation: Name or function of the activation, such as "leaky_relu"; `None` for none.
        normalization: "batch", "group" or "layer"; a layer class called as
            `normalization(name=...)`; or `None` for none.
        use_bias: Whether the convolution has a bias; by default only without normalisation, whose
            offset would make it redundant.
        dropout: Part of the result set to zero in training, in [0, 1); as a tuple of one, part of
            what is activated.
        name: Prefix of the layers' names.
        number: Their suffix.

    Returns:
        Features, shape `(batch, height / strides, width / strides, filters)`.

    Raises:
        KsegError: `dropout` is a tuple of several rates.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.convolution(x, 16, strides=2, name="stem").shape
        (None, 16, 16, 16)
    """
    before, after = _rates(dropout, 1)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        dilation_rate=dilation,
        use_bias=normalization is None if use_bias is None else use_bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv{number}",
    )(x)
    x = normalizer(normalization, name=f"{name}_norm{number}")(x)
    x = _dropped(x, before[0], name=f"{name}_dropout{number}")
    if activation is not None:
        x = layers.Activation(activation, name=f"{name}_act{number}")(x)
    return _dropped(x, after, name=f"{name}_dropout{number}")


def double_convolution(
    x: KerasTensor,
    filters: Filters,
    *,
    activation: str | Callable | None = "relu",
    normalization: Normalization = BatchNormalization,
    use_bias: bool | None = None,
    dilation: int = 1,
    dropout: Dropout = 0.0,
    name: str,
) -> KerasTensor:
    """Apply 3x3 convolutions, each normalised and activated; two of them where `filters` is an int.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of both convolutions; a tuple gives the channels of each of any number.
        activation: Name or function of the activation, such as "leaky_relu"; `None` for none.
        normalization: "batch", "group", "layer" or a layer class; `None` for none.
        use_bias: Whether the convolutions have a bias; by default only without normalisation.
        dilation: Dilation rate of the convolutions (Yu and Koltun 2016).
        dropout: Part of the block's output set to zero in training, in [0, 1); or one rate per
            convolution, such as (0.2, 0.5), for what its activation takes.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, channels of the last convolution)`.

    Raises:
        KsegError: `dropout` has more or fewer rates than there are convolutions.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.double_convolution(x, (16, 24), name="encoder_1").shape
        (None, 32, 32, 24)

    References:
        Ronneberger, Fischer and Brox 2015, https://arxiv.org/abs/1505.04597, Figure 1, with "same"
        padding and batch normalisation.
    """
    widths = _each_convolution(filters)
    before, after = _rates(dropout, len(widths))
    for step, (width, rate) in enumerate(zip(widths, before, strict=True), start=1):
        x = convolution(
            x,
            width,
            dilation=dilation,
            activation=activation,
            normalization=normalization,
            use_bias=use_bias,
            dropout=(rate,),
            name=name,
            number=f"_{step}",
        )
    return _dropped(x, after, name=f"{name}_dropout")


def residual(
    x: KerasTensor,
    filters: Filters,
    *,
    activation: str | Callable | None = "relu",
    normalization: Normalization = BatchNormalization,
    use_bias: bool | None = None,
    strides: int = 1,
    project: bool = False,
    dilation: int = 1,
    dropout: Dropout = 0.0,
    name: str,
) -> KerasTensor:
    """Add a shortcut around 3x3 convolutions; the activation of the last one follows the sum.

    The shortcut is the identity, or a normalised 1x1 convolution where the shape changes.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of both convolutions; a tuple gives the channels of each of any number.
        activation: Name or function of the activation, such as "leaky_relu"; `None` for none.
        normalization: "batch", "group", "layer" or a layer class; `None` for none.
        use_bias: Whether the convolutions have a bias; by default only without normalisation.
        strides: Step of the first convolution; Keras has none above 1 with a `dilation` above 1.
        project: Whether the shortcut is a convolution also where the shape stays.
        dilation: Dilation rate of the convolutions.
        dropout: Part of the block's output set to zero in training, in [0, 1); or one rate per
            convolution for what its activation takes, of which the last is applied before the sum.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, channels of the last convolution)`.

    Raises:
        KsegError: `dropout` has more or fewer rates than there are convolutions.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> y = kseg.blocks.residual(x, 8, name="stage")  # the shortcut is x itself
        >>> [layer.name for layer in keras.Model(x, y).layers if "conv" in layer.name]
        ['stage_conv_1', 'stage_conv_2']

    References:
        He, Zhang, Ren and Sun 2016, https://arxiv.org/abs/1512.03385, Figure 2.
    """
    *_, last = widths = _each_convolution(filters)
    before, after = _rates(dropout, len(widths))
    convolve = partial(convolution, normalization=normalization, use_bias=use_bias)
    shortcut = x
    if project or strides > 1 or x.shape[-1] != last:
        shortcut = convolve(x, last, 1, strides=strides, activation=None, name=f"{name}_shortcut")
    for step, (width, rate) in enumerate(zip(widths, before, strict=True), start=1):
        x = convolve(
            x,
            width,
            strides=strides if step == 1 else 1,
            dilation=dilation,
            activation=activation if step < len(widths) else None,
            dropout=(rate,),
            name=name,
            number=f"_{step}",
        )
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    if activation is not None:
        x = layers.Activation(activation, name=f"{name}_act")(x)
    return _dropped(x, after, name=f"{name}_dropout")


def recurrent_residual(
    x: KerasTensor,
    filters: int,
    *,
    steps: int = 2,
    activation: str | Callable | None = "relu",
    normalization: Normalization = BatchNormalization,
    use_bias: bool | None = None,
    dilation: int = 1,
    dropout: float = 0.0,
    name: str,
) -> KerasTensor:
    """Add two recurrent convolutions to a 1x1 convolution of the input.

    A recurrent convolution applies one 3x3 convolution, with its normalisation, to its input and
    then `steps` times to the sum of its input and its own result.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the result.
        steps: Recurrences, t in the paper.
        activation: Name or function of the activation, such as "leaky_relu"; `None` for none.
        normalization: "batch", "group", "layer" or a layer class; `None` for none.
        use_bias: Whether the 3x3 convolutions have a bias; by default only without normalisation.
            The 1x1 convolution has one.
        dilation: Dilation rate of the 3x3 convolutions.
        dropout: Part of the block's output set to zero in training, in [0, 1).
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, filters)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.recurrent_residual(x, 16, steps=1, name="encoder_1").shape
        (None, 32, 32, 16)

    References:
        Alom, Hasan, Yakopcic, Taha and Asari 2018, https://arxiv.org/abs/1802.06955, Figures 3, 4.
    """
    _checks.part(dropout, "dropout of recurrent_residual, whose convolutions are shared,")
    x = layers.Conv2D(filters, 1, kernel_initializer="he_normal", name=f"{name}_entry")(x)
    y = x
    for unit in (1, 2):
        shared = layers.Conv2D(
            filters,
            3,
            padding="same",
            dilation_rate=dilation,
            use_bias=normalization is None if use_bias is None else use_bias,
            kernel_initializer="he_normal",
            name=f"{name}_conv_{unit}",
        )
        normalize = normalizer(normalization, name=f"{name}_norm_{unit}")
        before, y = y, None
        for step in range(steps + 1):
            part = f"{name}_{unit}_{step}"
            y = before if y is None else layers.Add(name=f"{part}_sum")([before, y])
            y = normalize(shared(y))
            if activation is not None:
                y = layers.Activation(activation, name=f"{part}_act")(y)
    x = layers.Add(name=f"{name}_add")([x, y])
    return _dropped(x, dropout, name=f"{name}_dropout")


def separable_convolution(
    x: KerasTensor,
    filters: int,
    kernel_size: int = 3,
    *,
    dilation: int = 1,
    activation: str | Callable | None = "relu",
    normalization: Normalization = BatchNormalization,
    use_bias: bool | None = None,
    dropout: Dropout = 0.0,
    name: str,
) -> KerasTensor:
    """Convolve each channel by itself, mix them by a 1x1 convolution, normalise, and activate.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the result.
        kernel_size: Height and width of the kernel of each channel.
        dilation: Dilation rate of that kernel.
        activation: Name or function of the activation, such as "leaky_relu"; `None` for none.
        normalization: "batch", "group", "layer" or a layer class; `None` for none.
        use_bias: Whether the 1x1 convolution has a bias; by default only without normalisation.
        dropout: Part of the result set to zero in training, in [0, 1); as a tuple of one, part of
            what is activated.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, filters)`.

    Raises:
        KsegError: `dropout` is a tuple of several rates.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> y = kseg.blocks.separable_convolution(x, 16, normalization=None, name="mix")
        >>> keras.Model(x, y).count_params()  # 3 * 3 * 8, then 8 * 16 and 16 of the bias
        216

    References:
        Chollet 2017, https://arxiv.org/abs/1610.02357.
    """
    x = layers.DepthwiseConv2D(
        kernel_size,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise",
    )(x)
    return convolution(
        x,
        filters,
        1,
        activation=activation,
        normalization=normalization,
        use_bias=use_bias,
        dropout=dropout,
        name=name,
    )


def _each_convolution(filters: Filters) -> tuple[int, ...]:
    return (filters, filters) if isinstance(filters, int) else tuple(filters)


def _rates(dropout: Dropout, count: int) -> tuple[Sequence[float], float]:
    """Return the rates before the activation of each convolution, and the one after the block."""
    if not isinstance(dropout, Sequence):
        return (0.0,) * count, dropout
    _checks.same_length(dropout, range(count), "dropout", "the block's convolutions")
    return dropout, 0.0


def _dropped(x: KerasTensor, rate: float, name: str) -> KerasTensor:
    return layers.Dropout(rate, name=name)(x) if rate else x
