"""PyTorch's older files of weights, read without PyTorch and without running what they say.

Such a file is a row of five pickles (a magic number, the version, the byte order, a dictionary of
tensors, the names of the storages), followed by the storages themselves: for each its length and
its numbers. A tensor is a view of a storage: offset, shape and strides.
"""

import io
import math
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from kseg.errors import KsegError

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
DTYPES: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
MOST_DIMENSIONS = 8

# What a dictionary of tensors is written with. Instructions that make objects in other ways, or of
# later protocols, are missing.
OPCODES = (
    "APPEND APPENDS BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE BUILD EMPTY_DICT "
    "EMPTY_LIST EMPTY_TUPLE GLOBAL LONG1 LONG_BINGET LONG_BINPUT MARK NEWFALSE NEWTRUE NONE PROTO "
    "REDUCE SETITEM SETITEMS STOP TUPLE TUPLE1 TUPLE2 TUPLE3"
)
MOST_OPCODES = 200_000


class _Storage(NamedTuple):
    kind: Any
    key: Any
    length: Any


class _Tensor(NamedTuple):
    storage: Any
    offset: Any
    shape: Any
    strides: Any


class _Dictionary(dict):
    """Stands for an OrderedDict; the attributes that a pickle would give it are left out."""

    def __setstate__(self, state: object) -> None:
        pass


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> _Tensor:
    """Stand for the function that makes tensors: note what it was asked for."""
    return _Tensor(storage, offset, shape, strides)


ALLOWED = {
    ("collections", "OrderedDict"): _Dictionary,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    **{("torch", name): name for name in DTYPES},
}


class _Unpickler(pickle.Unpickler):
    """Knows the names of `ALLOWED` and imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name, never the thing itself."""
        if (module, name) not in ALLOWED:
            _refuse(f"it asks for {module}.{name}, which no dictionary of tensors needs")
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """Note which storage is meant."""
        if not isinstance(pid, tuple) or len(pid) != 6 or pid[0] != "storage" or pid[5] is not None:
            _refuse("it names a storage in a way that kseg does not know")
        return _Storage(pid[1], pid[2], pid[4])


def read(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a file that `torch.save` wrote before PyTorch 1.6, or on request since.

    Nothing that the file says is run: its pickles can name a few things only, for which markers
    stand. Every length is held against the file's own before memory is taken. Tensors of 32-bit
    floats and of 64-bit integers are known.

    Args:
        path: The file; a dictionary of tensors, such as a `state_dict`.

    Returns:
        The tensors by name, as arrays of their own.

    Raises:
        KsegError: The file is damaged, of another kind, or asks for what a dictionary of tensors
            does not need.
    """
    data = path.read_bytes()
    try:
        return _read(io.BytesIO(data), len(data))
    except KsegError as error:
        raise KsegError(
            f"{path.name} is not a file of weights that kseg can read: {error}. Expected: a "
            "dictionary of tensors as torch.save writes it with "
            "_use_new_zipfile_serialization=False."
        ) from None


def _read(file: io.BytesIO, size: int) -> dict[str, np.ndarray]:
    magic, version, system = _unpickle(file), _unpickle(file), _unpickle(file)
    if magic != MAGIC or version != VERSION:
        _refuse("it does not begin with the magic number and the version of such files")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        _refuse("its numbers are not in little-endian order")
    tensors, keys = _unpickle(file), _unpickle(file)
    if not isinstance(tensors, dict) or not isinstance(keys, list):
        _refuse("it does not hold a dictionary and a list of storages")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            _refuse("its dictionary holds other things than tensors with names")
        _check(name, tensor)
    if sum(_bytes(tensor) for tensor in tensors.values()) > size:
        _refuse("its tensors hold more numbers than the file")
    storages = _read_storages(file, keys, {tensor.storage for tensor in tensors.values()})
    return {name: _view(name, tensor, storages) for name, tensor in tensors.items()}


def _unpickle(file: io.BytesIO) -> Any:
    """Read one pickle, whose instructions are looked at before any is followed."""
    start, allowed = file.tell(), frozenset(OPCODES.split())
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if opcode.name not in allowed:
                _refuse(f"it holds the instruction {opcode.name}, which no such file needs")
            is_far = opcode.name == "LONG_BINPUT" and (argument or 0) > MOST_OPCODES
            if count >= MOST_OPCODES or is_far:
                _refuse("its dictionary is far larger than that of any network")
        file.seek(start)
        return _Unpickler(file).load()
    except KsegError:
        raise
    except Exception as error:  # a damaged pickle makes an unpickler stumble in many ways
        raise KsegError("it is damaged, cut off, or of another format") from error


def _check(name: str, tensor: _Tensor) -> None:
    """Refuse a tensor that is not described by whole numbers of a sensible size."""
    storage, offset, shape, strides = tensor
    if (
        not isinstance(storage, _Storage)
        or not isinstance(storage.kind, str)
        or storage.kind not in DTYPES
        or not isinstance(storage.key, str)
        or not isinstance(shape, tuple)
        or not isinstance(strides, tuple)
        or len(shape) != len(strides)
        or len(shape) > MOST_DIMENSIONS
        or not all(type(n) is int and n >= 0 for n in (storage.length, offset, *shape, *strides))
    ):
        _refuse(f"the tensor '{name}' is not described by a storage, offset, shape and strides")


def _bytes(tensor: _Tensor) -> int:
    return math.prod(tensor.shape) * DTYPES[tensor.storage.kind].itemsize


def _read_storages(file: io.BytesIO, keys: list, storages: set[_Storage]) -> dict[str, np.ndarray]:
    """Read the storages in the order of their keys; each must be as long as the tensors say."""
    by_key = {storage.key: storage for storage in storages}
    if len(by_key) != len(storages) or len(keys) != len(by_key):
        _refuse("its storages are not those that its tensors name")
    found = {}
    for key in keys:
        if not isinstance(key, str) or key not in by_key or key in found:
            _refuse("its storages are not those that its tensors name")
        dtype, length = DTYPES[by_key[key].kind], by_key[key].length
        header = file.read(8)
        if len(header) < 8 or struct.unpack("<q", header)[0] != length:
            _refuse("a storage has another length than its tensors say, or is cut off")
        data = file.read(length * dtype.itemsize)
        if len(data) < length * dtype.itemsize:
            _refuse("it ends in the middle of a storage")
        found[key] = np.frombuffer(data, dtype)
    if file.read(1):
        _refuse("something follows its last storage")
    return found


def _view(name: str, tensor: _Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    """Copy a tensor out of its storage, by offset, shape and strides."""
    numbers = storages[tensor.storage.key]
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, numbers.dtype)
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((count - 1) * stride for count, stride in steps)
    if last >= len(numbers):
        _refuse(f"the tensor '{name}' reaches beyond its storage")
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        tensor.shape,
        [stride * numbers.itemsize for stride in tensor.strides],
        writeable=False,
    )
    return view.copy()


def _refuse(reason: str) -> NoReturn:
    raise KsegError(reason)
