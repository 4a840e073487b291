"""The encoders by name; Keras is imported when one is used."""

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kseg import _checks
from kseg.encoders import pretrained, weights_file
from kseg.encoders.table import APPLICATIONS
from kseg.errors import KsegError

if TYPE_CHECKING:
    import keras

RESNET = "kseg.encoders.resnet:resnet"
MIT = "kseg.encoders.mit:mit"
LITE = "kseg.encoders.efficientnet_lite:efficientnet_lite"
APPLICATION = "kseg.encoders.applications:application"

# Name: the function that makes it, and the function's options.
ENCODERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "resnet18": (RESNET, {"depth": 18}),
    "resnet34": (RESNET, {"depth": 34}),
    "resnet50": (RESNET, {"depth": 50}),
    "resnet101": (RESNET, {"depth": 101}),
    "mit_b0": (MIT, {"width": 32, "depths": (2, 2, 2, 2)}),
    "mit_b1": (MIT, {"width": 64, "depths": (2, 2, 2, 2)}),
    "mit_b2": (MIT, {"width": 64, "depths": (3, 4, 6, 3)}),
    "mit_b3": (MIT, {"width": 64, "depths": (3, 4, 18, 3)}),
    "mit_b4": (MIT, {"width": 64, "depths": (3, 8, 27, 3)}),
    "mit_b5": (MIT, {"width": 64, "depths": (3, 6, 40, 3)}),
    **{name: (APPLICATION, {"name": name}) for name in APPLICATIONS},
    "efficientnet_lite0": (LITE, {"variant": 0}),
    "efficientnet_lite1": (LITE, {"variant": 1}),
    "efficientnet_lite2": (LITE, {"variant": 2}),
}
STAGES = 5
DILATED = (RESNET, LITE)
"""The functions whose last stages can be dilated."""


def make_encoder(
    name: str,
    *,
    width: int | None = None,
    weights: str | os.PathLike | None = None,
    frozen: int = 0,
) -> Callable:
    """Make an encoder by name: a function from raw pixels to features, shallow to deep.

    A grey image is repeated to red, green and blue first, so it gives what its RGB copy gives. With
    ImageNet weights, channels beyond the third start with the mean of the filters of the three,
    which stay as they are; an image of two channels gets the filters of red and green. Nothing is
    rescaled to make up for the number of channels.

    Args:
        name: A key of `ENCODERS`.
        width: Channels of the first stage, for ResNets ("resnet34": 64) and Mix Transformers
            ("mit_b0": 32); `None` for the published width.
        weights: `None` for random weights, which `keras.utils.set_random_seed` repeats;
            "imagenet" for published ones, of which those of EfficientNet-Lite come with the
            packages of `kseg[pretrained]`, and all others are downloaded on first use; or the path
            of a `.keras` file of any model that holds this encoder, such as a classifier. Its
            layers are matched by name and shape.
        frozen: Number of leading stages that are not trained, 0 to 5. A stage is all that leads to
            a feature, and 5 freezes the encoder. A frozen batch normalisation keeps its statistics.

    Returns:
        A function called as `encoder(x, output_stride=32)`, with raw pixels `x` of shape
        `(batch, height, width, channels)`, values in [0, 255]. It returns a tuple of features of
        strides 2, 4, 8, 16 and 32, with `None` in the place of a stride that the network does not
        have. It raises `ValueError` where it cannot keep to an `output_stride` below 32, or cannot
        get the weights.

    Raises:
        KsegError: The name is unknown, or an option does not fit it.

    Example:
        >>> image = keras.Input((None, None, 3))
        >>> features = kseg.encoders.make_encoder("resnet18", width=8)(image)
        >>> [feature.shape[-1] for feature in features]  # of strides 2, 4, 8, 16 and 32
        [8, 8, 16, 32, 64]
    """
    _checks.one_of(name, ENCODERS, "encoder")
    builder, options = ENCODERS[name]
    if weights is not None and not weights_file.is_file(weights):
        _check_published(name, weights)
    if width is not None:
        if builder not in (RESNET, MIT):
            raise KsegError(
                f"width={width!r} was given, but '{name}' has one width only. ResNets and Mix "
                "Transformers take a width."
            )
        if weights is not None and not weights_file.is_file(weights):
            raise KsegError(
                f"width={width!r} and weights='{weights}' do not go together: the published "
                "weights have the published width. Leave one of the two out."
            )
        options = {**options, "width": _checks.positive_int(width, "width")}
    if isinstance(frozen, bool) or frozen not in range(STAGES + 1):
        raise KsegError(
            f"frozen must be a number of stages from 0 to {STAGES}. Received: {frozen!r}."
        )
    return partial(_encode, name=name, options=options, weights=weights, frozen=frozen)


def _encode(
    x: "keras.KerasTensor",
    output_stride: int = 32,
    *,
    name: str,
    options: Mapping[str, Any],
    weights: str | os.PathLike | None,
    frozen: int,
) -> tuple:
    from kseg.encoders import inputs

    module, function = ENCODERS[name][0].split(":")
    builder = getattr(importlib.import_module(module), function)
    features = builder(inputs.grey_to_rgb(x), output_stride=output_stride, **options)
    if weights_file.is_file(weights):
        weights_file.load(weights, _layers_between(x, features))
    elif weights is not None:
        pretrained.load(name, _layers_between(x, features))
    for layer in _layers_between(x, features[:frozen]):
        layer.trainable = not pretrained.is_published(layer.name)
    return features


def check_file(path: str | os.PathLike, name: str, width: int | None, channels: int) -> None:
    """Refuse a file that does not hold an encoder's weights.

    Args:
        path: A `.keras` file.
        name: A key of `ENCODERS`.
        width: As in `make_encoder`.
        channels: Channels of the images.

    Raises:
        KsegError: The file is missing or damaged, or lacks a convolution of the encoder.
    """
    import keras

    image = keras.Input((None, None, channels))
    features = make_encoder(name, width=width)(image)
    weights_file.checked(path, _layers_between(image, features))


def _check_published(name: str, weights: Any) -> None:
    known = ("imagenet", f"a file that ends in {weights_file.SUFFIX}")
    _checks.one_of(str(weights), known, "weights")
    pretrained.check(name)


def _layers_between(x: "keras.KerasTensor", features: tuple) -> "list[keras.Layer]":
    import keras

    ends = [feature for feature in features if feature is not None]
    if not ends:
        return []
    sources = keras.utils.get_source_inputs(x)
    before = {id(layer) for layer in keras.Model(sources, x).layers}
    return [layer for layer in keras.Model(sources, ends).layers if id(layer) not in before]
