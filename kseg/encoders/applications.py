"""Encoders from `keras.applications`, which consist of built-in layers."""

from collections.abc import Iterable

import keras
from keras import KerasTensor

from kseg import _checks
from kseg.encoders import inputs
from kseg.encoders.table import APPLICATIONS
from kseg.layers import BatchNormalization

# These can scale pixels themselves, but not for any number of channels.
WITH_PREPROCESSING = ("EfficientNetV2", "MobileNetV3")


def application(x: KerasTensor, *, name: str, output_stride: int = 32) -> tuple[KerasTensor, ...]:
    """Turn an image into features of five strides by a network of `keras.applications`.

    Its batch normalisations become those of `kseg.layers`, with their momentum of 0.9.

    Args:
        x: Raw pixels, shape `(batch, height, width, channels)`, values in [0, 255].
        name: A key of `APPLICATIONS`.
        output_stride: 32; these networks cannot be dilated.

    Returns:
        Features of strides 2, 4, 8, 16 and 32.

    Raises:
        KsegError: The name is unknown or the output stride is not 32.

    References:
        Tan and Le 2021, https://arxiv.org/abs/2104.00298 (EfficientNetV2);
        Sandler et al. 2018, https://arxiv.org/abs/1801.04381 (MobileNetV2);
        Howard et al. 2019, https://arxiv.org/abs/1905.02244 (MobileNetV3);
        Huang et al. 2017, https://arxiv.org/abs/1608.06993 (DenseNet);
        He et al. 2016, https://arxiv.org/abs/1603.05027 (ResNet V2);
        Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556 (VGG).
    """
    _checks.one_of(name, APPLICATIONS, "application")
    inputs.refuse_dilation(output_stride, f"'{name}'")
    function, pixels, ends = APPLICATIONS[name]
    options = {"include_preprocessing": False} if function.startswith(WITH_PREPROCESSING) else {}
    x = inputs.scale_pixels(x, pixels)
    model = getattr(keras.applications, function)(
        include_top=False, weights=None, input_tensor=x, **options
    )
    _speed_up(model.layers)
    return tuple(_tensor(model, *end.split(":")) for end in ends)


def _tensor(model: keras.Model, layer: str, end: str = "output") -> KerasTensor:
    return getattr(model.get_layer(layer), end)


def _speed_up(layers: Iterable[keras.Layer]) -> None:
    """Give batch normalisations kseg's class, which differs in its `call` alone."""
    for layer in layers:
        if type(layer) is keras.layers.BatchNormalization:
            layer.__class__ = BatchNormalization
            layer.momentum = 0.9
