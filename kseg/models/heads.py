"""The two ends that all models share: pixels in, probabilities out."""

import keras
from keras import KerasTensor, layers

from kseg import _checks


def image_input(input_shape: tuple, stride: int) -> tuple[KerasTensor, KerasTensor]:
    """Take raw pixels, scale them from [0, 255] to [-1, 1] and pad them to a multiple of `stride`.

    Args:
        input_shape: `(height, width, channels)`; height and width may be `None`.
        stride: The factor by which the network makes the image smaller. A height or width that it
            does not divide is padded with grey; an unknown one is left to the caller of the model.

    Returns:
        The model's input, and the features that the network starts from, in float32.

    Raises:
        ValueError: `input_shape` is not a shape of images.
    """
    input_shape = _checks.image_shape(input_shape)
    image = keras.Input(input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype="float32", name="pixels_to_unit")(image)
    padding = [_split(-(size or 0) % stride) for size in input_shape[:2]]
    if any(sum(pair) for pair in padding):
        x = layers.ZeroPadding2D(padding, name="pad_to_stride")(x)
    return image, x


def segmentation_output(
    x: KerasTensor, image: KerasTensor, num_classes: int, activation: str | None
) -> KerasTensor:
    """Turn features into one value a class and pixel, in float32 and the size of `image`.

    Args:
        x: The decoder's features, of the padded size.
        image: The model's input, whose size the output takes.
        num_classes: Classes; 1 means one foreground class against the background.
        activation: "auto" for softmax, or sigmoid where `num_classes` is 1; `None` for logits.

    Returns:
        Shape `(batch, height, width, num_classes)`, float32.

    Raises:
        ValueError: `num_classes` is below 1 or `activation` unknown.
    """
    num_classes = _checks.positive_int(num_classes, "num_classes")
    activation = _checks.one_of(
        activation or "none", ("auto", "none", "softmax", "sigmoid"), "activation"
    )
    if activation == "auto":
        activation = "sigmoid" if num_classes == 1 else "softmax"
    x = layers.Conv2D(num_classes, 1, name="logits")(x)
    padding = [
        _split((padded or 0) - (size or 0))
        for padded, size in zip(x.shape[1:3], image.shape[1:3], strict=True)
    ]
    if any(sum(pair) for pair in padding):
        x = layers.Cropping2D(padding, name="crop_to_image")(x)
    if activation == "none":
        return layers.Activation("linear", dtype="float32", name="logits_float32")(x)
    return layers.Activation(activation, dtype="float32", name="probabilities")(x)


def _split(total: int) -> tuple[int, int]:
    return total // 2, total - total // 2
