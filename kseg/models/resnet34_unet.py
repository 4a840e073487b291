"""ResNet-34 U-Net: the encoder of a classifier, the decoder of a U-Net."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kseg import _checks, blocks
from kseg.models.heads import image_input, segmentation_output


def build_resnet34_unet(
    input_shape: tuple = (None, None, 3),
    num_classes: int = 1,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 1024),
    counts: Sequence[int] = (3, 4, 6, 3, 1),
    block: Callable = blocks.residual,
    up: Callable = blocks.transposed_convolution,
    activation: str | None = "auto",
) -> keras.Model:
    """Build a U-Net on a ResNet-34 with a residual bottleneck, from scratch.

    The stem makes the image four times smaller; four stages of residual blocks and the bottleneck
    follow, a decoder with their features, and two transposed convolutions back to full size. For
    the encoder with weights learned on ImageNet take `build_encoder_unet`.

    Args:
        input_shape: `(height, width, channels)`; `None` for any multiple of the stride, 64.
        num_classes: Classes, the background included; 1 for one foreground class by sigmoid.
        filters: Channels of the four stages and of the bottleneck.
        counts: Residual blocks of the four stages and of the bottleneck.
        block: Residual block, called as `block(x, filters, strides=..., project=..., name=...)`.
        up: Up-sampling of the decoder, such as `blocks.transposed_convolution`.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)`, values in [0, 255], to
        float32 probabilities `(batch, height, width, num_classes)`.

    Raises:
        KsegError: An argument is not of the form above.

    References:
        He et al. 2016, https://arxiv.org/abs/1512.03385, Table 1; Ronneberger et al. 2015,
        https://arxiv.org/abs/1505.04597. Unlike in ResNet-34, the first stage's shortcut is a 1x1
        convolution too.
    """
    _checks.network(input_shape, num_classes, activation)
    filters = _checks.widths(filters, "filters", at_least=2)
    counts = _checks.widths(counts, "counts")
    _checks.same_length(counts, filters, "counts", "filters")
    _checks.functions(block=block, up=up)

    image, x = image_input(input_shape, stride=2 ** (len(filters) + 1))

    x = blocks.convolution(x, filters[0], 7, strides=2, name="stem")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)

    features = []
    for stage, (width, count) in enumerate(zip(filters, counts, strict=True), start=1):
        name = f"stage_{stage}" if stage < len(filters) else "bottleneck"
        strides = 1 if stage == 1 else 2
        x = block(x, width, strides=strides, project=True, name=f"{name}_block_1")
        for number in range(2, count + 1):
            x = block(x, width, name=f"{name}_block_{number}")
        features.append(x)

    for stage in range(len(filters) - 1, 0, -1):
        width = filters[stage - 1]
        x = up(x, width, name=f"decoder_{stage + 2}_up")
        x = blocks.concatenate(x, features[stage - 1], name=f"decoder_{stage + 2}_skip")
        x = blocks.double_convolution(x, width, name=f"decoder_{stage + 2}")

    for level in (2, 1):
        x = blocks.transposed_convolution(x, filters[0], normalized=True, name=f"decoder_{level}")

    outputs = segmentation_output(x, image, num_classes, activation)
    return keras.Model(image, outputs, name="resnet34_unet")
