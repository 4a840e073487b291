"""Context: what lies around a pixel, up to the whole image, for images of any size."""

from collections.abc import Sequence

import numpy as np
from keras import KerasTensor, layers, ops

from kseg.blocks.convolutions import convolution, separable_convolution
from kseg.blocks.sampling import bilinear_like, positions
from kseg.layers import BatchNormalization


def pooled_context(
    x: KerasTensor, filters: int, bins: int, *, normalization: bool = True, name: str
) -> KerasTensor:
    """Average over `bins` x `bins` parts of the image, convolve, and interpolate back bilinearly.

    The parts are those of PyTorch's `AdaptiveAvgPool2d`: products with matrices that are made of
    the features' own height and width, since Keras has no such layer for sizes unknown until use.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        filters: Channels of the 1x1 convolution.
        bins: Parts along each side.
        normalization: Whether the convolution is normalised.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, filters)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.pooled_context(x, 4, bins=2, name="context").shape
        (None, 32, 32, 4)

    References:
        Zhao et al. 2017, https://arxiv.org/abs/1612.01105, Figure 3.
    """
    exact = ops.cast(x, "float32")
    rows, columns = (_membership(*positions(exact, axis), bins) for axis in (1, 2))
    y = ops.einsum("bhi,bhwc->biwc", rows, exact)
    y = ops.einsum("bwj,biwc->bijc", columns, y)
    normalize = BatchNormalization if normalization else None
    y = convolution(ops.cast(y, x.dtype), filters, 1, normalization=normalize, name=name)
    return bilinear_like(y, x)


def pyramid_pooling(
    x: KerasTensor, bins: Sequence[int] = (1, 2, 3, 6), *, name: str
) -> KerasTensor:
    """Join features with their averages over ever smaller parts of the image.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        bins: Parts along each side, one pyramid level each.
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, 2 channels)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.pyramid_pooling(x, bins=(1, 2), name="pyramid").shape
        (None, 32, 32, 16)

    References:
        Zhao et al. 2017, https://arxiv.org/abs/1612.01105, Figure 3 and Section 3.2. There is no
        normalisation at one bin, where one image is one value.
    """
    filters = x.shape[-1] // len(bins)
    levels = [
        pooled_context(x, filters, count, normalization=count > 1, name=f"{name}_{count}x{count}")
        for count in bins
    ]
    return layers.Concatenate(name=f"{name}_join")([x, *levels])


def atrous_pyramid(
    x: KerasTensor, rates: Sequence[int], filters: int, *, dropout: float = 0.5, name: str
) -> KerasTensor:
    """Look at features with kernels of several dilation rates and at their mean; join and mix.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        rates: Dilation rates of the separable 3x3 convolutions.
        filters: Channels of each branch and of the result.
        dropout: Part of the result set to zero in training, in [0, 1).
        name: Prefix of the layers' names.

    Returns:
        Features, shape `(batch, height, width, filters)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.atrous_pyramid(x, rates=(6, 12), filters=4, name="pyramid").shape
        (None, 32, 32, 4)

    References:
        Chen et al. 2017, https://arxiv.org/abs/1706.05587, Figure 5; separable in Chen et al. 2018,
        https://arxiv.org/abs/1802.02611.
    """
    branches = [convolution(x, filters, 1, name=f"{name}_1x1")]
    branches += [
        separable_convolution(x, filters, dilation=rate, name=f"{name}_rate_{rate}")
        for rate in rates
    ]
    branches.append(pooled_context(x, filters, bins=1, name=f"{name}_image"))
    x = layers.Concatenate(name=f"{name}_join")(branches)
    x = convolution(x, filters, 1, name=name)
    return layers.Dropout(dropout, name=f"{name}_dropout")(x)


def channel_attention(x: KerasTensor, reduction: int, *, name: str) -> KerasTensor:
    """Weigh channels by their means over the image: two layers, the first one narrow.

    Args:
        x: Features, shape `(batch, height, width, channels)`.
        reduction: How many times narrower the first layer is; it has at least 4 channels.
        name: Prefix of the layers' names.

    Returns:
        Weights in [0, 1], shape `(batch, 1, 1, channels)`.

    Example:
        >>> x = keras.Input((32, 32, 8))
        >>> kseg.blocks.channel_attention(x, reduction=2, name="attention").shape
        (None, 1, 1, 8)

    References:
        Hu, Shen and Sun 2018, https://arxiv.org/abs/1709.01507, Figure 2.
    """
    channels = x.shape[-1]
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    x = layers.Dense(max(4, channels // reduction), "relu", name=f"{name}_squeeze")(x)
    return layers.Dense(channels, "sigmoid", name=f"{name}_excite")(x)


def _membership(position: KerasTensor, size: KerasTensor, bins: int) -> KerasTensor:
    """Give each pixel's part in each bin's mean: `(batch, size, bins)`, columns that sum to 1."""
    number = np.arange(bins, dtype="float32")  # no tensor: ONNX would take it for an input
    starts = (position + 1.0) * bins > size * number
    belongs = ops.logical_and(starts, position * bins < size * (number + 1.0))
    belongs = ops.cast(belongs, "float32")
    return belongs / ops.sum(belongs, axis=1, keepdims=True)
