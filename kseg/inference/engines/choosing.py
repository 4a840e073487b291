"""Engines by name: Keras itself, and others that run the network after it was converted."""

import contextlib
import importlib.util
import io
import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kseg import _checks, _extras, _files, machine
from kseg.errors import ArgumentError, KsegError
from kseg.inference.engines.converted import Ask, run_onnx, run_openvino
from kseg.inference.engines.engine import Engine
from kseg.inference.engines.keras_model import keras_engine
from kseg.inference.serving import FORMATS, Serving, export
from kseg.inference.settings import ENGINES, INT8

Images = Callable[[], Iterable[np.ndarray]]
"""Gives images as the network is shown them, uint8 `(1, H, W, C)`."""


class Conversion(NamedTuple):
    """How an engine comes to its network.

    Attributes:
        format: What the network is exported as.
        run: From what was written to the function that runs it.
        packages: Modules that it takes beside those of the format, and what pip calls them.
    """

    format: str
    run: Callable[[Path], Ask]
    packages: dict[str, str]


CONVERSIONS = {
    "openvino": Conversion("openvino", run_openvino, {}),
    "openvino-bfloat16": Conversion("openvino", partial(run_openvino, precision="bf16"), {}),
    INT8: Conversion("openvino", run_openvino, {"nncf": "nncf"}),
    "onnxruntime": Conversion("onnx", run_onnx, {}),
}


def engine_named(
    name: str, model: keras.Model, stride: int, folder: Path, images: Images = tuple
) -> Engine:
    """Return an engine that answers with the weights that a network has now.

    Args:
        name: "keras"; or "openvino", "openvino-bfloat16", "openvino-int8", "onnxruntime", for which
            the network is converted once.
        model: From images of any size to probabilities.
        stride: The network takes sizes that are multiples of this.
        folder: Where converted networks of these weights are kept; made if it is missing.
        images: Gives those that show which numbers occur, where the network is to compute in
            integers of 8 bits.

    Raises:
        KsegError: There is no such engine, it is not installed, it lacks images, or the network
            cannot be converted with this backend of Keras.
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
    for module, package in _packages(conversion).items():
        _extras.require(module, package, f"engine='{name}'")
    file = _converted(name, model, stride, folder)
    if name == INT8:
        file = _in_int8(file, folder, images)
    ask = conversion.run(file)
    return lambda images: ask(np.ascontiguousarray(images, np.float32))


def there() -> list[str]:
    """Return the names of the engines that can be used as things are installed here."""
    backend = keras.backend.backend()
    found = ["keras"]
    for name, conversion in CONVERSIONS.items():
        is_installed = all(importlib.util.find_spec(module) for module in _packages(conversion))
        if backend in FORMATS[conversion.format].backends and is_installed:
            found.append(name)
    return found


def _packages(conversion: Conversion) -> dict[str, str]:
    return FORMATS[conversion.format].packages | conversion.packages


def _converted(name: str, model: keras.Model, stride: int, folder: Path) -> Path:
    """Return the file of a network in an engine's format, written if it is missing."""
    format = CONVERSIONS[name].format
    chosen, kept = FORMATS[format], folder / format
    if not kept.exists():
        backend = keras.backend.backend()
        if backend not in chosen.backends:
            raise ArgumentError(
                f"engine='{name}' takes a network that {' or '.join(chosen.backends)} converts, "
                f"and the backend of Keras is {backend} here: KERAS_BACKEND={chosen.backends[0]}."
            )
        with _files.new_folder(kept) as new:
            export(Serving(model, stride, "probabilities"), new, format, dtype="float32")
    return kept / chosen.file


def _in_int8(file: Path, folder: Path, images: Images) -> Path:
    """Return the file of a network that computes in integers, written if it is missing.

    Raises:
        KsegError: There are no images to see by which numbers occur.
    """
    kept = folder / INT8
    if not kept.exists():
        shown = [np.ascontiguousarray(image, np.float32) for image in images()]
        if not shown:
            raise KsegError(f"engine='{INT8}' takes images of the run's training. There are none.")
        with machine.quiet_start(), contextlib.redirect_stdout(io.StringIO()):
            import nncf
            import openvino

            nncf.set_log_level(logging.ERROR)
            network = openvino.Core().read_model(file)
            small = nncf.quantize(network, nncf.Dataset(shown), subset_size=len(shown))
            with _files.new_folder(kept) as new:
                openvino.save_model(small, new / file.name)
    return kept / file.name
