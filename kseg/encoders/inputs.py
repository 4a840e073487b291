"""What all encoders begin with: raw pixels to the range and channels that a network wants."""

import numpy as np
from keras import KerasTensor, layers

from kseg.errors import KsegError

# A range's name: what is taken away from each of red, green and blue in [0, 255], and what the
# difference is divided by. "imagenet" and "imagenet_centred" are the "torch" and "caffe" modes of
# `keras.applications.imagenet_utils.preprocess_input`, the latter without its change to BGR.
RANGES = {
    "unit": ((0, 0, 0), (255, 255, 255)),
    "symmetric": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "symmetric_127": ((127, 127, 127), (128, 128, 128)),
    "symmetric_128": ((128, 128, 128), (128, 128, 128)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "imagenet_centred": ((123.68, 116.779, 103.939), (1, 1, 1)),
}


def scale_pixels(x: KerasTensor, to: str) -> KerasTensor:
    """Turn pixels in [0, 255] into a range of `RANGES`, in float32.

    A channel beyond red, green and blue gets the mean of their three constants, and so does each
    channel of an image that has fewer.

    Args:
        x: Raw pixels, shape `(batch, height, width, channels)`.
        to: A key of `RANGES`.
    """
    scale, offset = factors(to, x.shape[-1])
    return layers.Rescaling(scale, offset, dtype="float32", name="encoder_pixels")(x)


def factors(to: str, channels: int) -> tuple[float | list[float], float | list[float]]:
    """Return what pixels are multiplied by for a range of `RANGES`, and what is added then.

    Args:
        to: A key of `RANGES`.
        channels: Of the images; each result is a number, or a list of so many.
    """
    mean, deviation = np.array(RANGES[to])
    return _each_channel(1 / deviation, channels), _each_channel(-mean / deviation, channels)


def grey_to_rgb(x: KerasTensor) -> KerasTensor:
    """Repeat the channel of a grey image three times; leave any other image as it is."""
    return layers.Concatenate(name="encoder_rgb")([x, x, x]) if x.shape[-1] == 1 else x


def refuse_dilation(output_stride: int, what: str) -> None:
    """Refuse any output stride but 32 for an encoder that cannot dilate its stages.

    Raises:
        KsegError: `output_stride` is not 32.
    """
    if output_stride != 32:
        raise KsegError(
            f"{what} gives features of strides up to 32 only, but output_stride={output_stride} "
            "was asked for. Use output_stride=32, or a ResNet or an EfficientNet-Lite, whose last "
            "stages can be dilated."
        )


def _each_channel(values: np.ndarray, channels: int) -> float | list[float]:
    if np.ptp(values) == 0:
        return float(values[0])
    mean = float(values.mean())
    return [*values.tolist(), *[mean] * (channels - 3)] if channels >= 3 else [mean] * channels
