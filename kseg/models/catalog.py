"""The architectures by name; a builder, and Keras with it, is imported when it is used."""

import importlib
from typing import TYPE_CHECKING

from kseg import _checks

if TYPE_CHECKING:
    import keras

ARCHITECTURES = {
    "unet": "kseg.models.unet:build_unet",
}
LEVELS = 5
STRIDE = 2 ** (LEVELS - 1)


def check_size(size: tuple[int, int] | None) -> None:
    """Refuse a size to train on that the networks' stride does not divide.

    Raises:
        ValueError: A side is not a multiple of `STRIDE`.
    """
    if size is not None and any(side % STRIDE for side in size):
        nearest = "x".join(str(max(1, round(side / STRIDE)) * STRIDE) for side in size)
        raise ValueError(
            f"size must be multiples of {STRIDE}, the stride of the network. "
            f"Received {size[0]}x{size[1]}; the nearest is {nearest}."
        )


def build(arch: str, input_shape: tuple, num_classes: int, width: int) -> "keras.Model":
    """Build an architecture by name.

    Args:
        arch: A key of `ARCHITECTURES`.
        input_shape: `(height, width, channels)`; height and width may be `None`.
        num_classes: Classes, the background included.
        width: Channels of the first of five levels; each further level doubles them.

    Raises:
        ValueError: The name is unknown; the message suggests the nearest.
    """
    _checks.one_of(arch, ARCHITECTURES, "architecture")
    module, name = ARCHITECTURES[arch].split(":")
    builder = getattr(importlib.import_module(module), name)
    filters = [width * 2**level for level in range(LEVELS)]
    return builder(input_shape, num_classes, filters=filters)
