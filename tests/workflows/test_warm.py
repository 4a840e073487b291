"""A network that starts from the weights of an earlier run."""

import json
import shutil

import keras
import numpy as np
import pytest

import kseg
from kseg.errors import ArgumentError, KsegError
from kseg.models.settings import Model
from kseg.runs.recipe import make_recipe
from kseg.training import engine
from kseg.workflows import warm
from kseg.workflows.watching import Watch

SHORT = {"size": 32, "batch_size": 3, "epochs": 1}
NETWORK = {"arch": "unet", "filters": (2, 4), "block": "convolution"}


@pytest.fixture(scope="module")
def source(workplace):
    return kseg.train(
        data=workplace / "data", name="source", runs=workplace / "runs", **NETWORK, **SHORT
    )


class Notes(Watch):
    def __init__(self):
        self.match, self.why = None, None

    def chose(self, why):
        self.why = why

    def takes(self, found, source):
        self.match, self.source = found, source


def begun(monkeypatch, **words):
    """Train by words; return the weights by layer before the first step, and what was told."""
    seen, notes = {}, Notes()
    assemble = engine._fit

    def look(model, *arguments, **options):
        seen.update({layer.name: layer.get_weights() for layer in model.layers if layer.weights})
        return assemble(model, *arguments, **options)

    monkeypatch.setattr(engine, "_fit", look)
    run = kseg.train(progress=notes, **words)
    monkeypatch.undo()
    return run, seen, notes


def assert_alike(layers, other, names):
    for name in names:
        for one, two in zip(layers[name], other[name], strict=True):
            np.testing.assert_array_equal(one, two)


def weights_of(run):
    model = keras.models.load_model(run.model_file)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def test_it_begins_with_the_weights_of_the_run(source, workplace, tmp_path, monkeypatch):
    words = {"data": workplace / "data", "runs": workplace / "runs", "name": "same", **SHORT}
    run, before, notes = begun(monkeypatch, warm_start="source", **words)
    assert_alike(before, weights_of(source), before)
    assert set(notes.match.taken) == set(before)
    assert not notes.match.left
    assert run.recipe.model == source.recipe.model.model_copy(
        update={"warm_start": str(source.path)}
    )
    assert "unet, the network of" in notes.why


def test_other_classes_leave_the_last_layer_alone(source, workplace, tmp_path, monkeypatch):
    data = tmp_path / "three"
    shutil.copytree(workplace / "data", data)
    (data / "classes.json").write_text(json.dumps({"classes": ["ground", "box", "star"]}))
    words = {"data": data, "runs": tmp_path / "runs", "name": "three", **SHORT}
    run, before, notes = begun(monkeypatch, warm_start=source, **words)
    assert dict(notes.match.left) == {"logits": "2 classes there, 3 here"}
    assert_alike(before, weights_of(source), notes.match.taken)
    assert run.labels.names == ("ground", "box", "star")
    assert notes.source == str(source.path)

    again = kseg.train(run.recipe_file, name="again", runs=tmp_path / "runs")
    assert again.recipe == run.recipe
    for one, two in zip(weights_of(again).values(), weights_of(run).values(), strict=True):
        for left, right in zip(one, two, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"warm_start": "nowhere"}, "warm_start='nowhere' is to start from a run. There is no run"),
        ({"warm_start": "source", "weights": "imagenet"}, "are two things to start from"),
        ({"warm_start": "source", "name": "source", "overwrite": True}, "name itself. Choose anot"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_read(source, workplace, words, expected):
    with pytest.raises(ArgumentError, match=expected):
        kseg.train(data=workplace / "data", runs=workplace / "runs", **words)


def test_a_network_that_takes_nothing_is_refused(source, workplace):
    with pytest.raises(KsegError, match=r"No layer of this network .*Leave arch= out"):
        kseg.train(
            data=workplace / "data",
            runs=workplace / "runs",
            warm_start="source",
            arch="convnet",
            width=8,
            **SHORT,
        )


def test_a_source_that_has_gone_is_said(source, workplace, tmp_path):
    recipe = source.recipe.changed(warm_start=str(tmp_path / "gone"))
    with pytest.raises(ArgumentError, match="gone' is to start from a run"):
        kseg.train(recipe, runs=tmp_path)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"arch": "unet", "filters": (2, 4), "block": "convolution", "weights": "none"}),
        ({"arch": "unet", "heads": 2}, {"filters": (2, 4), "heads": 2}),
        ({"arch": "unetpp"}, {"arch": "unetpp", "filters": "own"}),
        ({"weights": "imagenet"}, {"weights": "none"}),
    ],
)
def test_what_is_open_is_as_in_the_run(source, workplace, fields, expected):
    recipe = make_recipe(warm_start="source", **fields)
    found, _ = warm.from_run(recipe, workplace / "runs")
    assert {name: getattr(found.model, name) for name in expected} == expected
    assert warm.from_run(found, workplace / "runs") == (found, "")


def test_a_warm_encoder_may_be_frozen():
    from kseg.models import catalog

    catalog.check(Model(arch="fpn", weights="none", frozen=2, warm_start="x"))
