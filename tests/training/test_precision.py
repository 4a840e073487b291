"""The number format is timed where that pays, and remembered."""

import json

import pytest

from kseg import machine
from kseg.machine import Device
from kseg.runs.recipe import make_recipe
from kseg.training import defaults, precision
from kseg.training.data import open_data

CPU = Device("cpu", "a CPU", "float32")
GPU = Device("gpu", "a GPU", "bfloat16")


@pytest.fixture
def job(rectangles, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recipe = make_recipe(data=rectangles, arch="convnet", width=2, size=32, batch_size=3, epochs=1)
    recipe = defaults.for_machine(recipe, CPU)
    data = open_data(recipe)
    return defaults.for_data(recipe, CPU, data.train, data.splits.labels), data


def test_only_a_long_training_on_a_cpu_is_timed(job):
    plan, data = job  # two steps per epoch
    assert not precision.pays(plan, data, CPU)
    assert precision.pays(plan.changed(epochs=250), data, CPU)
    assert not precision.pays(plan.changed(epochs=249), data, CPU)
    assert not precision.pays(plan.changed(epochs=250), data, GPU)
    assert precision.pays(plan.changed(minutes=10), data, CPU)
    assert not precision.pays(plan.changed(minutes=1), data, CPU)


def test_each_format_is_timed_once_and_remembered(job, tmp_path, monkeypatch):
    plan, data = job
    found = precision.measured(plan, data, CPU)
    assert set(found) == {"float32", "bfloat16"}
    assert all(0 < seconds < 60 for seconds in found.values())
    monkeypatch.setattr(precision, "_timed", lambda *_: pytest.fail("timed again"))
    assert precision.measured(plan.changed(epochs=9), data, CPU) == found
    (name,) = machine.known_times("step")
    assert name.startswith("convnet 3x32x32 on a CPU, ")


@pytest.mark.parametrize(
    "change", [{"width": 4}, {"batch_size": 2}, {"size": 64}, {"arch": "unet"}]
)
def test_another_network_is_timed_anew(job, monkeypatch, change):
    plan, data = job
    monkeypatch.setattr(precision, "_timed", lambda *_: {"float32": 1.0, "bfloat16": 2.0})
    precision.measured(plan, data, CPU)
    precision.measured(plan.changed(**change), data, CPU)
    assert len(machine.known_times("step")) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"float32": "x"}}', "{"])
def test_a_damaged_memory_is_forgotten(job, tmp_path, content):
    file = tmp_path / "cache/kseg/step_times.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert machine.known_times("step") == {}


def test_what_cannot_be_written_is_found_all_the_same(job, tmp_path, monkeypatch):
    plan, data = job
    (tmp_path / "cache").write_text("a file where the folder should be")
    times = {"float32": 1.0, "bfloat16": 2.0}
    monkeypatch.setattr(precision, "_timed", lambda *_: times)
    assert precision.measured(plan, data, CPU) == times
    assert json.dumps(machine.known_times("step")) == "{}"
