"""Engines whose network was converted: they are opened, and run, without Keras."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kseg import _extras, _files, machine
from kseg.inference.engines.engine import Engine
from kseg.inference.formats import FORMATS, Ask, run_onnx, run_openvino
from kseg.inference.settings import INT8, UNCONVERTED
from kseg.inference.tiles import Sight

NETWORK = "network.json"
"""What prediction must know of a network, beside its converted forms."""


class Conversion(NamedTuple):
    """How an engine comes to its network.

    Attributes:
        format: What the network is exported as.
        run: From what was written to the function that runs it.
        packages: Modules that converting takes beside those of the format, and what pip calls them.
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


def there() -> list[str]:
    """Return the names of the engines that can be used as things are installed here."""
    backend = machine.wanted_backend()
    found = list(UNCONVERTED)
    for name, conversion in CONVERSIONS.items():
        packages = FORMATS[conversion.format].packages | conversion.packages
        is_installed = all(importlib.util.find_spec(module) for module in packages)
        if backend in FORMATS[conversion.format].backends and is_installed:
            found.append(name)
    return found


def require(name: str, is_kept: bool = False) -> None:
    """Refuse an engine that is not installed.

    Args:
        name: The engine.
        is_kept: Whether its network is there, and what converts one is not needed.

    Raises:
        KsegError: A package is missing.
    """
    conversion = CONVERSIONS[name]
    converting = {} if is_kept else conversion.packages
    for module, package in (FORMATS[conversion.format].packages | converting).items():
        _extras.require(module, package, f"engine='{name}'")


def file_of(name: str, folder: Path) -> Path:
    """Return where the network of an engine is kept, in the folder of all of them."""
    format = CONVERSIONS[name].format
    return folder / (INT8 if name == INT8 else format) / FORMATS[format].file


def opened(name: str, folder: Path) -> Engine:
    """Return the engine of a network that was converted."""
    ask = CONVERSIONS[name].run(file_of(name, folder))
    return lambda images: ask(np.ascontiguousarray(images, np.float32))


def kept(name: str, folder: Path) -> Engine | None:
    """Return the engine of a network that was converted before; `None` where there is none.

    One that is damaged is removed: it is made anew from the run's model, in seconds.
    """
    try:
        return opened(name, folder)
    except MemoryError:
        raise
    except Exception:  # each engine has errors of its own for a file that it cannot read
        shutil.rmtree(file_of(name, folder).parent, ignore_errors=True)
        return None


def write_sight(folder: Path, outputs: int, sight: Sight) -> None:
    """Note what prediction must know of a network."""
    folder.mkdir(parents=True, exist_ok=True)
    _files.write_json(folder / NETWORK, {"outputs": outputs, **sight._asdict()})


def read_sight(folder: Path) -> tuple[int, Sight] | None:
    """Return the outputs of a network and how far it sees; `None` where that is not noted."""
    try:
        content = json.loads((folder / NETWORK).read_text(encoding="utf-8"))
        field = None if content["field"] is None else int(content["field"])
        return int(content["outputs"]), Sight(field, float(content["largest"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
