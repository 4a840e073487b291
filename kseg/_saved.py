"""Models in `.keras` files, opened without running code that they may carry.

A file from elsewhere is looked through before Keras builds anything of it: which members it has,
how large they are, which classes it names, and whether it holds the numbers that its network needs.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import keras

from kseg import machine
from kseg.errors import KsegError

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {"metadata.json": 2**20, CONFIG: 2**25, WEIGHTS: 2**36}
"""The members of a `.keras` file, and the bytes that each may hold."""
MOST_TIMES = 20
"""A member may unpack to so many times what it takes in the file: numbers do not pack better."""
MODULES = re.compile(
    r"builtins|keras(\.(layers|models|initializers|regularizers|constraints|activations|random|"
    r"dtype_policies|optimizers|losses|metrics|ops|src\.ops|src\.random|src\.models|src\.layers|src\.dtype_policies)(\..*)?)?"
)
"""Where the classes of a network come from."""
CODE = {
    "Lambda": "a Python function",
    "__lambda__": "a Python function",
    "TFSMLayer": "a program of TensorFlow",
    "TorchModuleWrapper": "a module of PyTorch",
    "JaxLayer": "a function of JAX",
    "FlaxLayer": "a module of Flax",
    "StringLookup": "a reader of files",
    "IntegerLookup": "a reader of files",
    "TextVectorization": "a reader of files",
}
"""Classes of Keras that run code or read files which came with a model."""


def open_model(path: Path, remedy: str) -> keras.Model:
    """Load a model, not compiled, with Keras's safe mode on.

    Args:
        path: A `.keras` file that is there.
        remedy: How to get a whole one, the end of a sentence, such as "save it again".

    Raises:
        KsegError: The file is damaged; or it is not safe: it holds code, such as a Lambda layer,
            other members or more than a model has, or asks for memory that it has no numbers for.
    """
    machine.leave_tensorflow_out()
    try:
        _check(path)
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except KsegError:
        raise
    except Exception as error:
        code = _code_in(str(error))
        if code:
            raise _refusal(path, f"holds {code}") from error
        raise KsegError(
            f"{path} is not a whole Keras model ({type(error).__name__}). It may be damaged or "
            f"copied in part: copy it again, or {remedy}."
        ) from error


def _check(path: Path) -> None:
    """Look through a file.

    Raises:
        KsegError: It is not safe.
        Exception: It is damaged.
    """
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            _check_member(path, member)
        config = json.loads(file.read(CONFIG))
        config["compile_config"] = None  # is not loaded either
        file.read("metadata.json")
        for owner, name in _classes(config):
            if name in CODE:
                raise _refusal(path, f"holds {name}, {CODE[name]}")
            if owner is not None and not MODULES.fullmatch(owner):
                raise _refusal(path, f"holds the class '{name}' of {owner}, which is not Keras's")
        if file.testzip() is not None:
            raise zipfile.BadZipFile
        held = file.getinfo(WEIGHTS).file_size
        _check_numbers(path, file.read(WEIGHTS))
    # In a thread of its own: Keras keeps what a thread built without values, and makes all of them
    # when some later scope of that thread ends, those of a file that was refused too.
    with ThreadPoolExecutor(1) as own:
        asked = own.submit(_numbers_of, config).result()
    if asked > held:
        raise _refusal(path, f"asks for {asked:,} numbers and holds {held:,} bytes")


def _numbers_of(config: dict[str, Any]) -> int:
    """Return how many numbers the weights of a network are, without their memory."""
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        return sum(math.prod(weight.shape) for weight in model.weights)


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse what is no member of a model, or unpacks to more than one.

    Raises:
        KsegError: It is not safe.
    """
    if member.is_dir() and not PurePosixPath(member.filename).is_absolute():
        return
    if member.filename not in MEMBERS:
        raise _refusal(path, f"holds {member.filename!r}, which is no part of a model")
    most = min(MEMBERS[member.filename], 2**16 + MOST_TIMES * member.compress_size)
    if member.file_size > most:
        raise _refusal(
            path, f"holds {member.filename} of {member.file_size:,} bytes, packed or not"
        )


def _check_numbers(path: Path, content: bytes) -> None:
    """Refuse an HDF5 file that points at other files, or unpacks to more than it takes.

    Raises:
        KsegError: It is not safe.
        Exception: It is damaged.
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        links: list[Any] = []
        file.visititems_links(lambda _, link: links.append(link))
        if any(not isinstance(link, h5py.HardLink) for link in links):
            raise _refusal(path, f"holds a link in {WEIGHTS}, which could lead to another file")
        found: list[Any] = []
        file.visititems(lambda _, item: found.append(item))
        arrays = [item for item in found if isinstance(item, h5py.Dataset)]
        if any(array.external or array.is_virtual for array in arrays):
            raise _refusal(path, f"takes numbers of {WEIGHTS} from another file")
        told = sum(math.prod(array.shape or ()) for array in arrays)
    if told > len(content):
        raise _refusal(path, f"tells of {told:,} numbers and holds {len(content):,} bytes")


def _classes(config: Any) -> Iterator[tuple[str | None, str]]:
    """Yield module and name of each class in a model's config."""
    if isinstance(config, dict):
        if "class_name" in config:
            module = config.get("module")
            yield (None if module is None else str(module)), str(config["class_name"])
        for value in config.values():
            yield from _classes(value)
    elif isinstance(config, list):
        for value in config:
            yield from _classes(value)


def _refusal(path: Path, why: str) -> KsegError:
    return KsegError(
        f"{path} {why}. To load it could run code or fill the memory, so it is refused. Models of "
        "Keras's own layers, as all of kseg's are, are taken."
    )


def _code_in(refusal: str) -> str:
    """Return what made Keras refuse a model: code that is not Keras's; "" if nothing of it did."""
    if "safe_mode" in refusal:
        return "a Python function"
    foreign = re.search(r"Could not locate (class|function) '([^']*)'", refusal)
    return f"the {foreign[1]} '{foreign[2]}', which is not Keras's" if foreign else ""
