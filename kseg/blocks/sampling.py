"""Sampling: half or double the size."""

from functools import partial

from keras import KerasTensor, layers, ops

from kseg import _checks
from kseg.blocks.convolutions import convolution
from kseg.layers import BatchNormalization, Conv2DTranspose


def max_pooling(x: KerasTensor, *, name: str) -> KerasTensor:
    """Halve the size by the maximum of each 2x2 window.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        name: Name of the layer.

    Returns:
        Features, shape `(batch, height / 2, width / 2, channels)`.

    Example:
        >>> x = np.array([[1, 2], [3, 4]], "float32").reshape(1, 2, 2, 1)
        >>> float(kseg.blocks.max_pooling(x, name="down")[0, 0, 0, 0])
        4.0
    """
    return layers.MaxPooling2D(2, name=name)(x)


def strided_convolution(x: KerasTensor, *, kernel_size: int = 3, name: str) -> KerasTensor:
    """Halve the size by a convolution of stride 2 that keeps the channels.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        kernel_size: Height and width of the kernel.
        name: Name of the layer.

    Returns:
        Features, shape `(batch, height / 2, width / 2, channels)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.strided_convolution(x, name="down").shape
        (None, 16, 16, 8)
    """
    return layers.Conv2D(
        x.shape[-1],
        kernel_size,
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        name=name,
    )(x)


def transposed_convolution(
    x: KerasTensor, filters: int, *, kernel_size: int = 2, normalized: bool = False, name: str
) -> KerasTensor:
    """Double the size by a transposed convolution of stride 2.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the result.
        kernel_size: Height and width of the kernel.
        normalized: Whether batch normalisation and a ReLU follow.
        name: Name of the layer, prefix of those that follow.

    Returns:
        Features, shape `(batch, 2 height, 2 width, filters)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.transposed_convolution(x, 4, name="up").shape
        (None, 64, 64, 4)
    """
    x = Conv2DTranspose(
        filters,
        kernel_size,
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        name=name,
    )(x)
    if normalized:
        x = BatchNormalization(name=f"{name}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_act")(x)
    return x


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
        KsegError: The interpolation is unknown.

    Example:
        >>> x = np.array([0, 4], "float32").reshape(1, 1, 2, 1)
        >>> y = kseg.blocks.upsample(x, 1, interpolation="nearest", name="up")
        >>> keras.ops.convert_to_numpy(y)[0, :, :, 0]
        array([[0., 0., 4., 4.],
               [0., 0., 4., 4.]], dtype=float32)
    """
    _checks.one_of(interpolation, ("bilinear", "nearest"), "interpolation")
    x = bilinear(x, name=name) if interpolation == "bilinear" else _repeat(x, name)
    if kernel_size is None:
        return x
    return layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


upsample_nearest = partial(upsample, interpolation="nearest")
"""Double the size by repeating pixels: `upsample` with another default."""


def up_convolution(
    x: KerasTensor, filters: int, *, use_bias: bool | None = None, name: str
) -> KerasTensor:
    """Double the size by repeating pixels, then apply a 3x3 convolution, normalise, and activate.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the result.
        use_bias: Whether the convolution has a bias; by default it has none, being normalised.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, 2 height, 2 width, filters)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.up_convolution(x, 4, name="up").shape
        (None, 64, 64, 4)

    References:
        Odena, Dumoulin and Olah 2016, https://doi.org/10.23915/distill.00003.
    """
    return convolution(_repeat(x, name), filters, use_bias=use_bias, name=name)


def bilinear(x: KerasTensor, *, name: str) -> KerasTensor:
    """Double the size bilinearly (half-pixel centres, edges repeated), for any input size.

    Along an axis, the outputs between neighbours a and b are (3a + b)/4 and (a + 3b)/4: the pixels
    repeated, then the filter (1, 2, 1)/4, which is a running mean of two applied twice.
    `UpSampling2D("bilinear")` of Keras 3.15 on TensorFlow fails where the size is not known when
    the model is built.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, 2 height, 2 width, channels)`.

    Example:
        >>> x = np.array([0, 4], "float32").reshape(1, 1, 2, 1)
        >>> keras.ops.convert_to_numpy(kseg.blocks.bilinear(x, name="up"))[0, 0, :, 0]
        array([0., 1., 3., 4.], dtype=float32)
    """
    x = _repeat(x, name)
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    for step in (1, 2):
        x = layers.AveragePooling2D(2, strides=1, name=f"{name}_mean_{step}")(x)
    return x


def bilinear_like(x: KerasTensor, like: KerasTensor) -> KerasTensor:
    """Interpolate features bilinearly to the height and width of others, whatever they are.

    Half-pixel centres, edges repeated, as PyTorch's `interpolate(align_corners=False)`: products
    with matrices made of both sizes, which may be unknown until use.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        like: Features of the wanted size, shape `(batch, new height, new width, ...)`.

    Returns:
        Features, shape `(batch, new height, new width, channels)`.

    Example:
        >>> x = np.array([0, 4], "float32").reshape(1, 1, 2, 1)
        >>> y = kseg.blocks.bilinear_like(x, np.zeros((1, 1, 3, 1), "float32"))
        >>> keras.ops.convert_to_numpy(y)[0, 0, :, 0]
        array([0., 2., 4.], dtype=float32)
    """
    for axis, product in ((1, "bhi,biwc->bhwc"), (2, "bwj,bhjc->bhwc")):
        (wanted, new_size), (given, old_size) = positions(like, axis), positions(x, axis)
        place = (wanted + 0.5) / new_size * old_size - 0.5
        place = ops.minimum(ops.maximum(place, 0.0), old_size - 1.0)
        weights = ops.maximum(1.0 - ops.abs(place - ops.transpose(given, (0, 2, 1))), 0.0)
        x = ops.einsum(product, ops.cast(weights, x.dtype), x)
    return x


def positions(x: KerasTensor, axis: int) -> tuple[KerasTensor, KerasTensor]:
    """Number the pixels along an axis from 0, and count them.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        axis: 1 for the rows, 2 for the columns.

    Returns:
        The numbers, float32 `(batch, size, 1)`, and the size, float32 `(batch, 1, 1)`.
    """
    line = x[:, :, :1, 0] if axis == 1 else x[:, 0, :, :1]
    numbers = ops.cumsum(ops.ones_like(line, dtype="float32"), axis=1)
    return numbers - 1.0, ops.max(numbers, axis=1, keepdims=True)


def _repeat(x: KerasTensor, name: str) -> KerasTensor:
    return layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_repeat")(x)
