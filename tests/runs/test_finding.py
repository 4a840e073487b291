"""Runs by their names."""

import os

import pytest

from kseg.errors import ArgumentError
from kseg.inference import load_model
from kseg.runs import open_run
from kseg.runs.finding import open_unfinished
from kseg.runs.run import Run


def make_run(root, name, age=0, file="model.keras"):
    (root / name).mkdir()
    (root / name / file).touch()
    os.utime(root / name / file, (1e9 - age, 1e9 - age))


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


def test_a_model_file_that_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"model\.keras is missing"):
        load_model(tmp_path / "model.keras")
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(ValueError, match="not a whole Keras model"):
        load_model(tmp_path / "model.keras")


def test_the_newest_run_is_none_that_is_still_to_replace_another(tmp_path):
    make_run(tmp_path, "a", age=10)
    make_run(tmp_path, "a.unfinished")
    assert open_run(runs=tmp_path).name == "a"


def test_a_training_that_was_broken_off_is_found(tmp_path):
    make_run(tmp_path, "a")
    make_run(tmp_path, "a.unfinished", file="resume.npz")
    make_run(tmp_path, "b", file="resume.npz")
    assert open_unfinished("a", tmp_path).name == "a.unfinished"
    assert open_unfinished(tmp_path / "b", tmp_path / "nowhere").name == "b"
    assert open_unfinished(Run(tmp_path / "b"), tmp_path).name == "b"
    with pytest.raises(ArgumentError, match="Trainings to go on with: a, b"):
        open_unfinished("c", tmp_path)
