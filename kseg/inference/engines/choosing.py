"""Engines by name: Keras itself, and others that run the network after it was converted."""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kseg import _checks, _extras, _files
from kseg.errors import ArgumentError
from kseg.inference.engines.converted import Ask, run_onnx, run_openvino
from kseg.inference.engines.engine import Engine
from kseg.inference.engines.keras_model import keras_engine
from kseg.inference.serving import FORMATS, Serving, export
from kseg.inference.settings import ENGINES


class Conversion(NamedTuple):
    """How an engine comes to its network.

    Attributes:
        format: What the network is exported as.
        run: From what was written to the function that runs it.
    """

    format: str
    run: Callable[[Path], Ask]


CONVERSIONS = {
    "openvino": Conversion("openvino", run_openvino),
    "openvino-bfloat16": Conversion("openvino", partial(run_openvino, precision="bf16")),
    "onnxruntime": Conversion("onnx", run_onnx),
}


def engine_named(name: str, model: keras.Model, stride: int, folder: Path) -> Engine:
    """Return an engine that answers with the weights that a network has now.

    Args:
        name: "keras"; or "openvino", "openvino-bfloat16", "onnxruntime", for which the network is
            converted once.
        model: From images of any size to probabilities.
        stride: The network takes sizes that are multiples of this.
        folder: Where converted networks of these weights are kept; made if it is missing.

    Raises:
        KsegError: There is no such engine, it is not installed, or the network cannot be converted
            with this backend of Keras.
        OSError: The folder cannot be written.

    Example:
        >>> from kseg.inference.engines import engine_named
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(4, 8))
        >>> engine = engine_named("keras", model, stride=2, folder=Path("engines"))
        >>> engine(np.zeros((1, 16, 24, 3), np.uint8)).shape
        (1, 16, 24, 2)
    """
    _checks.one_of(name, ENGINES, "engine")
    if name == "keras":
        return keras_engine(model, frozen=True)
    conversion = CONVERSIONS[name]
    chosen = FORMATS[conversion.format]
    for module, package in chosen.packages.items():
        _extras.require(module, package, f"engine='{name}'")
    kept = folder / conversion.format
    if not kept.exists():
        backend = keras.backend.backend()
        if backend not in chosen.backends:
            raise ArgumentError(
                f"engine='{name}' takes a network that {' or '.join(chosen.backends)} converts, "
                f"and the backend of Keras is {backend} here: KERAS_BACKEND={chosen.backends[0]}."
            )
        with _files.new_folder(kept) as new:
            serving = Serving(model, stride, "probabilities")
            export(serving, new, conversion.format, dtype="float32")
    ask = conversion.run(kept / chosen.file)
    return lambda images: ask(np.ascontiguousarray(images, np.float32))


def there() -> list[str]:
    """Return the names of the engines that can be used as things are installed here."""
    backend = keras.backend.backend()
    found = ["keras"]
    for name, conversion in CONVERSIONS.items():
        chosen = FORMATS[conversion.format]
        is_installed = all(importlib.util.find_spec(module) for module in chosen.packages)
        if backend in chosen.backends and is_installed:
            found.append(name)
    return found
