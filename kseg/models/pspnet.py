"""PSPNet (Zhao, Shi, Qi, Wang and Jia 2017)."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.encoders.resnet import resnet
from kseg.models.heads import encoder_input, segmentation_output


def build_pspnet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    encoder: Callable = resnet,
    output_stride: int = 8,
    bins: Sequence[int] = (1, 2, 3, 6),
    filters: int = 512,
    dropout: float = 0.2,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a PSPNet: features that know the whole image, by averages over its parts.

    Made for scenes. Borders are as coarse as the output stride. The paper's auxiliary loss is left
    out; it classifies on one 3x3 convolution after the pyramid, here a 1x1 and the head's 3x3.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 32.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        encoder: Turns raw pixels into features; ResNet-34 by default.
        output_stride: Stride of the encoder's last features: 8, as in the paper, 16 or 32, to which
            an encoder that cannot be dilated is bound.
        bins: Parts along each side over which features are averaged, one pyramid level each.
        filters: Channels after the pyramid.
        dropout: Part of these channels set to zero in training, in [0, 1).
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        Zhao et al. 2017, https://arxiv.org/abs/1612.01105, Figure 3.
    """
    _checks.network(input_shape, num_classes, activation)
    bins = _checks.widths(bins, "bins")
    filters = _checks.positive_int(filters, "filters")
    dropout = _checks.part(dropout, "dropout")
    _checks.functions(encoder=encoder)
    _checks.number_of(output_stride, (8, 16, 32), "output_stride")

    image, x = encoder_input(input_shape)
    x = encoder(x, output_stride=output_stride)[-1]
    x = blocks.pyramid_pooling(x, bins, name="pyramid")
    x = blocks.convolution(x, filters, 1, name="fusion")
    x = layers.SpatialDropout2D(dropout, name="fusion_dropout")(x)

    outputs = segmentation_output(
        x, image, num_classes, activation, kernel_size=3, doublings=int(math.log2(output_stride))
    )
    return keras.Model(image, outputs, name="pspnet")
