"""PyTorch's older files: tensors by hand-made pickles, and files that mean harm."""

import struct

import numpy as np
import pytest

from kseg.encoders import torch_file
from kseg.errors import KsegError

NUMBERS = np.arange(24, dtype="<f4")


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def whole(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def several(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


ORDERED = named("collections", "OrderedDict") + b")R"


def tensor(key="1", length=24, offset=0, shape=(24,), strides=(1,), kind="FloatStorage") -> bytes:
    storage = several(
        text("storage"), named("torch", kind), text(key), text("cpu"), whole(length), b"N"
    )
    return (
        named("torch._utils", "_rebuild_tensor_v2")
        + several(
            storage + b"Q",
            whole(offset),
            several(*map(whole, shape)),
            several(*map(whole, strides)),
            b"\x89",
            ORDERED,
        )
        + b"R"
    )


def dictionary(*items: bytes, attributes: bytes = b"}") -> bytes:
    return ORDERED + b"(" + b"".join(items) + b"u" + attributes + b"b"


def stored(*storages: np.ndarray) -> bytes:
    return b"".join(struct.pack("<q", len(each)) + each.tobytes() for each in storages)


def legacy(
    body: bytes,
    storages: bytes | None = None,
    keys: tuple[str, ...] = ("1",),
    magic: int = torch_file.MAGIC,
    little: bytes = b"\x88",
) -> bytes:
    """A file in the older format around a pickled dictionary."""
    number = magic.to_bytes(10, "little")
    system = b"}(" + text("protocol_version") + whole(1001) + text("little_endian") + little + b"u"
    return b"".join(
        [
            pickled(b"\x8a" + bytes([len(number)]) + number),
            pickled(whole(1001)),
            pickled(system),
            pickled(body),
            pickled(b"](" + b"".join(map(text, keys)) + b"e"),
            stored(NUMBERS) if storages is None else storages,
        ]
    )


@pytest.fixture
def read(tmp_path):
    def read(data: bytes) -> dict[str, np.ndarray]:
        (tmp_path / "weights.pth").write_bytes(data)
        return torch_file.read(tmp_path / "weights.pth")

    return read


def test_tensors_equal_those_of_numpy(read):
    """Contiguous, transposed, a part, with a step, repeated, empty, a number; shared storages."""
    views = {
        "plain": NUMBERS,
        "rows": NUMBERS.reshape(2, 3, 4),
        "turned": NUMBERS.reshape(4, 6).T,
        "kernel": NUMBERS.reshape(2, 3, 4, 1).transpose(3, 2, 0, 1),
        "part": NUMBERS[3:9],
        "every_third": NUMBERS[1::3],
        "repeated": np.broadcast_to(NUMBERS[5:6], (2, 2)),
        "empty": NUMBERS[:0],
        "number": NUMBERS[7:8].reshape(()),
    }
    items = []
    for name, view in views.items():
        offset = (view.ctypes.data - NUMBERS.ctypes.data) // 4 if view.size else 0
        steps = tuple(stride // 4 for stride in view.strides)
        items += [text(name), tensor(offset=offset, shape=view.shape, strides=steps)]
    count = np.array([9, 2**40], "<i8")
    items += [text("count"), tensor("2", 2, 1, (), (), "LongStorage")]
    more = np.zeros(100, "<f4")  # so that the file is as long as what its tensors hold
    items += [text("more"), tensor("3", 100, 0, (100,), (1,))]
    attributes = b"}(" + text("_metadata") + ORDERED + text("__setstate__") + b"Nu"
    body = dictionary(*items, attributes=attributes)

    found = read(legacy(body, stored(NUMBERS, more, count), ("1", "3", "2")))
    assert list(found) == [*views, "count", "more"]
    for name, view in views.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], view)
        assert found[name].flags.owndata
    assert found["count"] == 2**40


def call(module: str, name: str, argument: str) -> bytes:
    return named(module, name) + several(text(argument)) + b"R"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_parameter"),
        ("collections", "OrderedDict.fromkeys"),
    ],
)
def test_nothing_that_a_file_asks_for_is_run(read, tmp_path, module, name):
    mark = tmp_path / "mark"
    harm = call(module, name, f"touch {mark}")
    good = dictionary(text("a"), tensor())
    for data in (
        pickled(harm),
        legacy(harm),
        legacy(dictionary(text("a"), harm)),
        legacy(dictionary(text("a"), tensor(), attributes=harm)),
        legacy(good).replace(pickled(b"](" + text("1") + b"e"), pickled(harm)),
    ):
        with pytest.raises(KsegError, match=f"weights.pth is not .* it asks for {module}.{name}"):
            read(data)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "damaged, cut off, or of another format"),
        (b"PK\x03\x04 the newer format", "of another format"),
        (legacy(dictionary(text("a"), tensor()), magic=2**78), "magic number"),
        (legacy(dictionary(text("a"), tensor()), little=b"\x89"), "little-endian"),
        (legacy(dictionary(text("a"), tensor(shape=(25,)))), "tensor 'a' reaches beyond"),
        (legacy(dictionary(text("a"), tensor(shape=(4, 4), strides=(6, 2)))), "beyond"),
        (legacy(dictionary(text("a"), tensor(offset=1))), "beyond"),
        (legacy(dictionary(text("a"), tensor(strides=(-1,), offset=23))), "not described"),
        (legacy(dictionary(text("a"), tensor(offset=-1))), "not described"),
        (legacy(dictionary(text("a"), tensor(shape=(4, 6)))), "not described"),
        (legacy(dictionary(text("a"), tensor(shape=(1,) * 9, strides=(1,) * 9))), "not described"),
        (legacy(dictionary(text("a"), tensor(kind="_rebuild_tensor_v2"))), "it asks for torch."),
        (legacy(dictionary(text("a"), tensor(shape=(2**31 - 1,), strides=(0,)))), "more numbers"),
        (legacy(dictionary(text("a"), tensor(length=2**31 - 1))), "another length"),
        (legacy(dictionary(text("a"), tensor(length=23))), "another length"),
        (legacy(dictionary(text("a"), tensor("2"))), "not those that its tensors name"),
        (legacy(dictionary(text("a"), tensor()), keys=("1", "1")), "not those"),
        (
            legacy(dictionary(text("a"), tensor(), text("b"), tensor(length=2, shape=(1,)))),
            "not those",
        ),
        (legacy(dictionary(text("a"), tensor())) + b"\0", "something follows"),
        (legacy(dictionary(text("a"), whole(3))), "other things than tensors"),
        (legacy(whole(3)), "does not hold a dictionary"),
        # 16 GiB for a table of what was read, asked for in six bytes.
        (legacy(b"Nr\xff\xff\xff\x7f"), "far larger"),
        (legacy(b"N0" * 100_001), "instruction POP"),
        (legacy(b"(" * 200_001), "far larger"),
        (legacy(b"\x8c\x02os\x8c\x06system\x93"), "instruction SHORT_BINUNICODE"),
        (legacy(b"(ios\nsystem\n"), "instruction INST"),
        (legacy(ORDERED + b")\x81"), "instruction NEWOBJ"),
        (legacy(b"\x82\x01"), "instruction EXT1"),
    ],
)
def test_what_is_wrong_is_said(read, data, expected):
    with pytest.raises(KsegError, match=expected) as caught:
        read(data)
    assert "Expected: a dictionary of tensors as torch.save writes it" in str(caught.value)


def test_a_file_that_is_cut_off_anywhere_is_refused(read):
    data = legacy(dictionary(text("a"), tensor()))
    for length in range(len(data)):
        with pytest.raises(KsegError):
            read(data[:length])


def test_a_changed_byte_is_refused_or_changes_values_only(read):
    data = legacy(dictionary(text("a"), tensor(shape=(4, 6), strides=(1, 4))))
    rng = np.random.default_rng(0)
    for _ in range(1000):
        changed = bytearray(data)
        changed[rng.integers(len(data))] = rng.integers(256)
        try:
            arrays = read(bytes(changed))
        except KsegError:
            continue
        assert sum(array.nbytes for array in arrays.values()) <= len(data)
