"""Engines by name: Keras itself, and others that run the network after it was converted."""

import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from kseg import _checks, _files, machine
from kseg.errors import ArgumentError, KsegError
from kseg.inference.engines import converted
from kseg.inference.engines.converted import CONVERSIONS
from kseg.inference.engines.engine import Engine
from kseg.inference.engines.keras_model import in_bfloat16, keras_engine
from kseg.inference.formats import FORMATS
from kseg.inference.serving import Serving, export
from kseg.inference.settings import ENGINES, INT8, KERAS_BFLOAT16, UNCONVERTED

Images = Callable[[], Iterable[np.ndarray]]
"""Gives images as the network is shown them, uint8 `(1, H, W, C)`."""


def engine_named(
    name: str,
    model: keras.Model,
    stride: int,
    folder: Path,
    images: Images = tuple,
    few: bool = False,
) -> Engine:
    """Return an engine that answers with the weights that a network has now.

    Args:
        name: "keras" or "keras-bfloat16"; or "openvino", "openvino-bfloat16", "openvino-int8",
            "onnxruntime", for which the network is converted once.
        model: From images of any size to probabilities.
        stride: The network takes sizes that are multiples of this.
        folder: Where converted networks of these weights are kept; made if it is missing.
        images: Gives those that show which numbers occur, where the network is to compute in
            integers of 8 bits.
        few: Whether so few images will be asked about that freezing Keras's engine does not pay.

    Raises:
        KsegError: There is no such engine, it is not installed, it lacks images, or the network
            cannot be converted with this backend of Keras, or kept in the folder.

    Example:
        >>> from kseg.inference.engines import engine_named
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(4, 8))
        >>> engine = engine_named("keras", model, stride=2, folder=Path("engines"))
        >>> engine(np.zeros((1, 16, 24, 3), np.uint8)).shape
        (1, 16, 24, 2)
    """
    _checks.one_of(name, ENGINES, "engine")
    if name in UNCONVERTED:
        network = in_bfloat16(model) if name == KERAS_BFLOAT16 else model
        return keras_engine(network, frozen=not few)
    is_kept = converted.file_of(name, folder).exists()
    converted.require(name, is_kept)
    engine = converted.kept(name, folder)
    if engine is None:
        converted.require(name)
        whole = "openvino" if name == INT8 else name
        if converted.kept(whole, folder) is None:
            _convert(whole, model, stride, folder)
        if name == INT8:
            _quantize(folder, images)
        engine = converted.opened(name, folder)
    return engine


def _convert(name: str, model: keras.Model, stride: int, folder: Path) -> None:
    """Write a network in an engine's format."""
    format = CONVERSIONS[name].format
    chosen, kept = FORMATS[format], folder / format
    backend = keras.backend.backend()
    if backend not in chosen.backends:
        raise ArgumentError(
            f"engine='{name}' takes a network that {' or '.join(chosen.backends)} converts, and "
            f"the backend of Keras is {backend} here: KERAS_BACKEND={chosen.backends[0]}."
        )
    with _made(kept) as new:
        serving = Serving(model, stride, "probabilities", pads=False)
        export(serving, new, format, dtype="float32")


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Make a folder, unless another process was faster: what that one made is the same.

    Raises:
        KsegError: It cannot be made.
    """
    try:
        with _files.new_folder(folder) as new:
            yield new
    except Exception as error:  # converters have errors of their own for a disk that is full
        if folder.exists():
            return
        if isinstance(error, KsegError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise KsegError(
            f"The network cannot be converted into {folder}: {reason.splitlines()[0]}. Is there "
            "room, and may you write there? engine='keras' converts nothing."
        ) from error


def _quantize(folder: Path, images: Images) -> None:
    """Write the network of OpenVINO in integers.

    Raises:
        KsegError: There are no images to see by which numbers occur.
    """
    shown = [np.ascontiguousarray(image, np.float32) for image in images()]
    if not shown:
        raise KsegError(f"engine='{INT8}' takes images of the run's training. There are none.")
    file = converted.file_of("openvino", folder)
    with machine.quiet_start(), contextlib.redirect_stdout(io.StringIO()):
        import nncf
        import openvino

        nncf.set_log_level(logging.ERROR)
        network = openvino.Core().read_model(file)
        small = nncf.quantize(network, nncf.Dataset(shown), subset_size=len(shown))
        with _made(folder / INT8) as new:
            openvino.save_model(small, new / file.name)
