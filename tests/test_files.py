"""Files are whole or not there."""

import os
from pathlib import Path

import pytest

from kseg import _files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    _files.write_text(path, "old")
    with pytest.raises(RuntimeError), _files.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_a_write_replaces_the_file(tmp_path):
    path = tmp_path / "x.json"
    _files.write_json(path, {"a": 1})
    _files.write_json(path, {"a": 2})
    assert path.read_text() == '{\n  "a": 2\n}\n'
    assert path.stat().st_mode & 0o777 == 0o666 & ~_files._umask()


@pytest.mark.parametrize("links", [True, False])
def test_the_file_before_is_kept_and_at_no_moment_is_there_none(tmp_path, monkeypatch, links):
    path, keep = tmp_path / "a.txt", tmp_path / "before.txt"
    _files.write_text(path, "old")
    replace, there = Path.replace, []

    def watched(self, target):
        there.append(path.exists())
        return replace(self, target)

    def refused(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "replace", watched)
    if not links:
        monkeypatch.setattr(os, "link", refused)
    with _files.atomic(path, keep) as temporary:
        temporary.write_text("new")
    assert (path.read_text(), keep.read_text()) == ("new", "old")
    assert all(there) == links
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.txt", "before.txt"]


def test_a_full_disk_names_the_file_that_could_not_be_written(tmp_path):
    path = tmp_path / "x.txt"
    with pytest.raises(OSError, match="No space left") as error, _files.atomic(path):
        Path("/dev/full").write_text("more than it takes")
    assert error.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_by_its_own_name(tmp_path):
    full = pytest.raises(OSError, match="No space left")
    with full as error, _files.new_folder(tmp_path / "out") as folder:
        (folder / "whole.txt").write_text("x")
        Path("/dev/full").write_text("more than it takes")
    assert error.value.filename == str(tmp_path / "out")
    with pytest.raises(FileNotFoundError) as error, _files.new_folder(tmp_path / "out"):
        (tmp_path / "missing.png").read_bytes()
    assert error.value.filename == str(tmp_path / "missing.png")  # no fault of the folder's
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "../out", "."])
def test_a_folder_takes_the_place_of_another_once_it_is_whole(tmp_path, monkeypatch, name):
    old = tmp_path / "out" / "old.txt"
    old.parent.mkdir()
    old.write_text("x")
    monkeypatch.chdir(tmp_path if name == "out" else old.parent)
    with pytest.raises(RuntimeError), _files.new_folder(Path(name), replace=True):
        raise RuntimeError
    assert old.exists()
    with _files.new_folder(Path(name), replace=True) as folder:
        (folder / "new.txt").write_text("x")
    assert [path.name for path in old.parent.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
