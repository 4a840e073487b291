"""`kseg.train`: words or a recipe in, a run out, nothing printed."""

import numpy as np
import pytest

import kseg
from kseg.errors import ArgumentError, Interrupted, KsegError
from kseg.evaluation import evaluate
from kseg.inference import load_model
from kseg.workflows.watching import Watch
from tests.workflows.conftest import TINY


def test_a_run_holds_what_was_asked_for_and_what_came_of_it(run, workplace):
    assert run.path == workplace / "runs/small"
    assert run.recipe.data.path == str(workplace / "data")
    assert (run.recipe.model.arch, run.recipe.model.width) == ("convnet", 2)
    assert (run.epochs, run.best_epoch) == (1, 1)
    assert 0 <= run.waited < 1
    assert run.labels.names == ("ground", "box")
    found = evaluate(run.predictor(), run.source().split("val", run.labels))
    np.testing.assert_array_equal(run.scores.matrix, found.scores.matrix)
    assert run.scores.mean_iou == found.scores.mean_iou
    assert 0.05 < run.temperature < 20
    assert run.temperature != 1


def test_nothing_is_printed_unless_asked(workplace, tmp_path, capfd):
    kseg.train(data=workplace / "data", runs=tmp_path, **TINY)
    assert capfd.readouterr().out == ""
    kseg.train(data=workplace / "data", runs=tmp_path, progress=True, **TINY)
    assert "epoch 1/1  loss" in capfd.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"convnet-data", "convnet-data-2"}


def test_a_recipe_or_its_file_can_be_changed_by_words(run, tmp_path):
    again = kseg.train(run.recipe, name="a", runs=tmp_path, seed=4)
    third = kseg.train(again.recipe_file, name="b", runs=tmp_path)
    assert again.recipe.seed == third.recipe.seed == 4
    assert again.recipe.changed(seed=0) == run.recipe
    weights = [load_model(one.model_file).get_weights() for one in (again, third)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_what_is_told_comes_in_order(workplace, tmp_path):
    told = []

    class Notes(Watch):
        def starts(self, device):
            told.append(device.kind)

        def read(self, data, path):
            told.append(len(data.splits.train))

        def planned(self, plan):
            told.append(plan.loop.epochs)

        def scored(self, evaluation, split):
            told.append((split, evaluation.images))

    kseg.train(data=workplace / "data", runs=tmp_path, device="cpu", progress=Notes(), **TINY)
    assert told == ["cpu", 6, 1, ("val", 3)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"lr": 1}, "Did you mean 'learning_rate'"),
        ({"arch": "unett"}, "Did you mean 'unet'"),
        ({"data": "nowhere"}, "data= must be a folder"),
        ({"minutes": 1, "epochs": 2}, "epochs= or minutes=, not both"),
        ({"minutes": 0}, "minutes"),
        ({"size": 40, "arch": "unet"}, "multiples of 16"),
        ({"name": "../x"}, "name= must be"),
        ({"device": "tpu"}, "device= must be 'cpu' or 'gpu'"),
        ({"loss": "dice(smoth=1)"}, "Did you mean 'smooth'"),
        ({"arch": "unetpp", "heads": 9}, "heads must be from 1 to 4"),
        ({"set": {"loop.epochs": 0}}, r"loop\.epochs"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_read(workplace, tmp_path, words, expected):
    with pytest.raises(ArgumentError, match=expected):
        kseg.train(**({"data": workplace / "data", "runs": tmp_path} | words))
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_not_there_is_said(workplace, tmp_path, monkeypatch):
    for kind in ("tensorflow", "jax", "torch"):
        monkeypatch.setattr(f"kseg.machine._{kind}_gpu", lambda: None)
    with pytest.raises(KsegError, match="device='gpu' was asked for"):
        kseg.train(data=workplace / "data", runs=tmp_path, device="gpu", **TINY)


def test_ctrl_c_leaves_a_run_and_says_which(workplace, tmp_path, monkeypatch):
    from kseg.callbacks import HistoryFile

    written = HistoryFile.on_epoch_end

    def interrupt(self, epoch, logs=None):
        written(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(HistoryFile, "on_epoch_end", interrupt)
    with pytest.raises(Interrupted) as raised:
        kseg.train(data=workplace / "data", name="a", runs=tmp_path, **(TINY | {"epochs": 5}))
    assert isinstance(raised.value, KeyboardInterrupt)
    assert (raised.value.path, raised.value.planned) == (tmp_path / "a", 5)
    assert kseg.open_run("a", tmp_path).predictor()
    with pytest.raises(KsegError, match="was broken off"):
        _ = kseg.open_run("a", tmp_path).scores
