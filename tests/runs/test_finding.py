"""Run folders: found, kept, replaced, never lost."""

import os

import pytest

from kseg.errors import ArgumentError
from kseg.inference import load_model
from kseg.runs import finding, open_run
from kseg.runs.run import Run


def make_run(root, name, age=0, **options):
    with finding.new_run(root, name, **options) as folder:
        folder.model_file.write_text(name)
        folder.history_file.touch()
    os.utime(folder.model_file, (1e9 - age, 1e9 - age))


def test_the_newest_run_is_found_or_the_named_one(tmp_path):
    make_run(tmp_path, "old", age=10)
    make_run(tmp_path, "new")
    make_run(tmp_path, "older", age=20)
    (tmp_path / "empty").mkdir()
    assert open_run(runs=tmp_path).name == "new"
    assert open_run("old", tmp_path).name == "old"
    assert open_run(str(tmp_path / "older"), tmp_path).name == "older"
    assert Run(str(tmp_path / "old")) == open_run("old", tmp_path)
    with pytest.raises(ValueError, match="Runs there: new, old, older"):
        open_run("empty", tmp_path)


def test_without_runs_the_training_command_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"kseg\.train\("):
        open_run(runs=tmp_path / "nowhere")


def test_a_run_is_not_made_twice(tmp_path):
    make_run(tmp_path, "a")
    with pytest.raises(ValueError, match="overwrite=True"):
        make_run(tmp_path, "a")
    assert finding.free_name(tmp_path, "a") == "a-2"
    make_run(tmp_path, "a-2")
    assert finding.free_name(tmp_path, "a") == "a-3"
    assert finding.free_name(tmp_path, "b") == "b"


def test_an_overwritten_run_comes_back_if_the_new_one_fails(tmp_path):
    make_run(tmp_path, "a")
    with pytest.raises(RuntimeError), finding.new_run(tmp_path, "a", overwrite=True) as folder:
        assert not folder.model_file.exists()
        raise RuntimeError
    assert Run(tmp_path / "a").model_file.read_text() == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_overwritten_run_is_gone_once_the_new_one_has_a_model(tmp_path):
    make_run(tmp_path, "a")
    (tmp_path / "a/note.txt").touch()
    make_run(tmp_path, "a", overwrite=True)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"model.keras", "history.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_run_set_aside_by_a_killed_process_comes_back(tmp_path):
    make_run(tmp_path, "a")
    (tmp_path / "a").rename(tmp_path / ".a.replaced")
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError), finding.new_run(tmp_path, "a", overwrite=True):
        raise RuntimeError
    assert Run(tmp_path / "a").model_file.read_text() == "a"


def test_a_new_run_without_a_model_leaves_nothing(tmp_path):
    with finding.new_run(tmp_path, "a", overwrite=True):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "Unet-2.1_x", "0"])
def test_valid_names(tmp_path, name):
    assert finding.check_name(name, tmp_path) == name


@pytest.mark.parametrize("name", ["", ".a", "a/b", "..", "a b", "-x"])
def test_invalid_names(tmp_path, name):
    with pytest.raises(ArgumentError, match="letters"):
        finding.check_name(name, tmp_path)


def test_a_model_file_that_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras is missing"):
        load_model(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(ValueError, match="not a whole Keras model"):
        load_model(tmp_path / "model.keras")
