"""Run folders: found, kept, replaced, never lost."""

import os

import pytest

from kseg import artifacts
from kseg.artifacts import RunFolder
from kseg.inference import load_model


def make_run(root, name, age=0):
    folder = artifacts.create_run(root, name)
    folder.model.write_text(name)
    os.utime(folder.model, (1e9 - age, 1e9 - age))
    return folder


def test_the_newest_run_is_found_or_the_named_one(tmp_path):
    make_run(tmp_path, "old", age=10)
    make_run(tmp_path, "new")
    make_run(tmp_path, "older", age=20)
    (tmp_path / "empty").mkdir()
    assert artifacts.find_run(tmp_path).name == "new"
    assert artifacts.find_run(tmp_path, "old").name == "old"
    assert artifacts.find_run(tmp_path, str(tmp_path / "older")).name == "older"
    with pytest.raises(ValueError, match="Runs there: new, old, older"):
        artifacts.find_run(tmp_path, "empty")


def test_without_runs_the_training_command_is_named(tmp_path):
    with pytest.raises(ValueError, match="kseg train"):
        artifacts.find_run(tmp_path / "nowhere")


def test_a_run_is_not_made_twice(tmp_path):
    make_run(tmp_path, "a")
    with pytest.raises(ValueError, match="--overwrite"):
        artifacts.create_run(tmp_path, "a")
    assert artifacts.free_name(tmp_path, "a") == "a-2"
    make_run(tmp_path, "a-2")
    assert artifacts.free_name(tmp_path, "a") == "a-3"
    assert artifacts.free_name(tmp_path, "b") == "b"


def test_a_replaced_run_comes_back_unless_the_new_one_has_a_model(tmp_path):
    make_run(tmp_path, "a")
    aside = artifacts.set_aside(tmp_path, "a")
    new = artifacts.create_run(tmp_path, "a")
    artifacts.settle(new, aside)
    assert RunFolder(tmp_path / "a").model.read_text() == "a"

    aside = artifacts.set_aside(tmp_path, "a")
    new = artifacts.create_run(tmp_path, "a")
    new.model.write_text("new")
    artifacts.settle(new, aside)
    assert RunFolder(tmp_path / "a").model.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_to_set_aside(tmp_path):
    assert artifacts.set_aside(tmp_path, "a") is None
    new = artifacts.create_run(tmp_path, "a")
    artifacts.settle(new, None)
    assert not new.path.exists()


@pytest.mark.parametrize("name", ["a", "Unet-2.1_x", "0"])
def test_valid_names(name):
    assert artifacts.valid_name(name)


@pytest.mark.parametrize("name", ["", ".a", "a/b", "..", "a b", "-x"])
def test_invalid_names(name):
    assert not artifacts.valid_name(name)


def test_a_model_file_that_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras is missing"):
        load_model(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(ValueError, match="not a whole Keras model"):
        load_model(tmp_path / "model.keras")
