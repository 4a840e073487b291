"""Panoptic feature pyramid network (Kirillov, Girshick, He and Dollar 2019)."""

from collections.abc import Callable

import keras
from keras import KerasTensor, layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_fpn(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    filters: int = 256,
    head_filters: int = 128,
    dropout: float = 0.2,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a feature pyramid network for segmentation: P5 to P2, each brought to stride 4, summed.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features of strides 2 to 32; ResNet-34 by default.
        filters: Channels of the pyramid.
        head_filters: Channels of the branches that are summed.
        dropout: Part of the summed channels set to zero in training, in [0, 1).
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Lin et al. 2017, https://arxiv.org/abs/1612.03144, Figure 3; Kirillov et al. 2019,
        https://arxiv.org/abs/1901.02446, Figure 3. The pyramid has no 3x3 convolutions after its
        sums, and dropout is added, as in segmentation_models.pytorch.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.positive_int(filters, "filters")
    head_filters = _checks.positive_int(head_filters, "head_filters")
    dropout = _checks.part(dropout, "dropout")
    _checks.functions(encoder=encoder)

    image, x = encoder_input(input_shape)
    _, *features = encoder(x)

    pyramid = {}
    for level in (5, 4, 3, 2):
        lateral = layers.Conv2D(filters, 1, name=f"p{level}_lateral")(features[level - 2])
        if level < 5:
            above = blocks.upsample_nearest(x, filters, name=f"p{level}_up")
            lateral = layers.Add(name=f"p{level}")([above, lateral])
        x = pyramid[level] = lateral

    branches = [_to_stride_4(x, level, head_filters) for level, x in pyramid.items()]
    x = layers.Add(name="merge")(branches)
    x = layers.SpatialDropout2D(dropout, name="merge_dropout")(x)

    outputs = segmentation_output(x, image, num_classes, activation, doublings=2)
    return keras.Model(image, outputs, name="fpn")


def _to_stride_4(x: KerasTensor, level: int, filters: int) -> KerasTensor:
    """Convolve and double the size until the stride is 4."""
    for step in range(1, max(1, level - 2) + 1):
        name = f"branch_{level}_{step}"
        x = blocks.convolution(x, filters, normalization="group", name=name)
        if level > 2:
            x = blocks.bilinear(x, name=f"{name}_up")
    return x
