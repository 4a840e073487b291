"""Normalisations by name."""

import math
from collections.abc import Callable

from keras import KerasTensor, layers

from kseg import _calls, _checks
from kseg.blocks.catalog import NORMALIZATIONS

Normalization = str | Callable | None


def normalizer(normalization: Normalization, *, name: str) -> Callable:
    """Make a normalisation, called as `normalize(x)`.

    Args:
        normalization: A key of `NORMALIZATIONS`, such as "batch"; a layer class called as
            `normalization(name=...)`; or `None`, which changes nothing.
        name: Name of the layer.

    Raises:
        KsegError: The name is unknown.
    """
    if normalization is None:
        return lambda x: x
    if isinstance(normalization, str):
        _checks.one_of(normalization, NORMALIZATIONS, "normalization")
        normalization = _calls.function(_calls.Call(normalization), NORMALIZATIONS, "normalization")
    return normalization(name=name)


def group(*, name: str) -> Callable:
    """Normalise groups of channels of each image: 32, or as many as divide the channels.

    For batches of a few images, whose statistics tell little.

    References:
        Wu and He 2018, https://arxiv.org/abs/1803.08494.
    """

    def normalize(x: KerasTensor) -> KerasTensor:
        return layers.GroupNormalization(math.gcd(32, x.shape[-1]), name=name)(x)

    return normalize
