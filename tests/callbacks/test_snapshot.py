"""Snapshots: whole, or the one before."""

import warnings

import numpy as np
import pytest

from kseg.callbacks import snapshot as snapshots
from kseg.callbacks.snapshot import Snapshot, previous, read_snapshot, write_snapshot
from kseg.errors import KsegError


def made(number):
    arrays = [np.full((2, 3), number, np.float32), np.arange(3, dtype=np.uint32), np.array(number)]
    return Snapshot({"number": number, "none": None, "text": "ä"}, {"model": arrays * 5})


def assert_equal(found, expected):
    assert found.facts == expected.facts
    assert found.arrays.keys() == expected.arrays.keys()
    for name, arrays in expected.arrays.items():
        for one, other in zip(found.arrays[name], arrays, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_what_is_written_is_read_in_its_order(tmp_path):
    path = tmp_path / "resume.npz"
    write_snapshot(path, made(1))
    assert_equal(read_snapshot(path), made(1))
    write_snapshot(path, made(2))
    assert_equal(read_snapshot(path), made(2))
    assert_equal(read_snapshot(previous(path)), made(1))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "empty"])
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path, harm):
    path = tmp_path / "resume.npz"
    write_snapshot(path, made(1))
    write_snapshot(path, made(2))
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-40])
    elif harm == "flip":
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert_equal(read_snapshot(path), made(1))
    assert bool(said) == (harm != "gone")
    previous(path).write_bytes(b"nothing")
    with pytest.raises(KsegError, match="cannot go on"):
        read_snapshot(path)


def test_a_full_disk_leaves_the_last_one_whole(tmp_path, monkeypatch):
    path = tmp_path / "resume.npz"
    write_snapshot(path, made(1))

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        write_snapshot(path, made(2))
    assert_equal(read_snapshot(path), made(1))
    assert [file.name for file in tmp_path.iterdir()] == ["resume.npz"]


def test_a_disk_that_gives_back_something_else_is_found_out(tmp_path, monkeypatch):
    path = tmp_path / "resume.npz"
    write_snapshot(path, made(1))
    monkeypatch.setattr(snapshots, "_damage", lambda file: "is damaged")
    with pytest.raises(OSError, match="something else"):
        write_snapshot(path, made(2))
    monkeypatch.undo()
    assert_equal(read_snapshot(path), made(1))
