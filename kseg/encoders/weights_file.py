"""An encoder's weights from a `.keras` file, such as a classifier that stands on it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from kseg.errors import KsegError

if TYPE_CHECKING:
    import keras

    from kseg.encoders.matching import Weights

SUFFIX = ".keras"


def is_file(weights: Any) -> TypeGuard[str | os.PathLike]:
    """Tell whether weights are named by the path of a file."""
    return isinstance(weights, str | os.PathLike) and os.fspath(weights).endswith(SUFFIX)


def load(path: str | os.PathLike, layers: "Iterable[keras.Layer]") -> None:
    """Copy the weights of a file into the layers of an encoder, in place.

    A layer takes what one of its name and its shapes holds, wherever that stands in the file's
    model. All convolutions have to find theirs.

    Args:
        path: A `.keras` file.
        layers: The encoder's layers, built.

    Raises:
        KsegError: The file is missing or damaged, or lacks a convolution of the encoder.
    """
    from kseg.encoders import matching

    layers = list(layers)
    matching.take(layers, checked(path, layers))


def checked(path: str | os.PathLike, layers: "Iterable[keras.Layer]") -> "Weights":
    """Read a file; return its weights by layer, if all convolutions of an encoder find theirs.

    Args:
        path: A `.keras` file.
        layers: The encoder's layers, built; their own weights need no values.

    Raises:
        KsegError: The file is missing or damaged, or lacks a convolution of the encoder.
    """
    import keras

    from kseg.encoders import matching

    weights = _read(Path(path))
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    convolutions = [layer for layer in layers if isinstance(layer, kinds)]
    for name, why in matching.match(convolutions, weights).left.items():
        raise KsegError(
            f"{path} does not hold the weights of this encoder: {name} does not match ({why}). "
            "Give the encoder= and width= with which the file's network was built, for images of "
            "as many channels."
        )
    return weights


def _read(path: Path) -> "Weights":
    from kseg._saved import open_model
    from kseg.encoders.matching import weights_by_layer

    if not path.is_file():
        raise KsegError(
            f"There is no file {path} to take the encoder's weights from. Correct the path, or "
            "leave weights= out."
        )
    return weights_by_layer(open_model(path, "save it again"))
