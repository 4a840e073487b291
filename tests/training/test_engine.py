"""What a training keeps and scores."""

import json
import re

import keras
import numpy as np
import pytest
from PIL import Image

from kseg.callbacks import ByClock
from kseg.errors import KsegError
from kseg.inference import load_model
from kseg.losses import LOSSES
from kseg.machine import Device
from kseg.runs.history import read_done
from kseg.runs.recipe import make_recipe
from kseg.runs.run import Run
from kseg.training import course, defaults, engine, network
from kseg.training.data import open_data

CPU = Device("cpu", "a CPU", "float32")


def prepared(folder, **words):
    recipe = defaults.for_machine(make_recipe(data=folder, **words), CPU)
    data = open_data(recipe)
    recipe = recipe.changed(skipped=tuple(data.skipped))
    return defaults.for_data(recipe, CPU, data.train, data.splits.labels), data


def trained(folder, **words):
    plan, data = prepared(folder, **words)
    run = Run(folder / "run")
    run.path.mkdir()
    engine.train(plan, data, CPU, run)
    return run


QUICK = {"arch": "convnet", "width": 2, "epochs": 1}
SMALL = {"arch": "unet", "filters": (2, 4), "size": 32}


def test_every_loss_trains(rectangles):
    run = trained(rectangles, loss="+".join(LOSSES), batch_size=3, **QUICK)
    assert np.isfinite(run.history["loss"]).all()


def test_validation_is_spread_so_that_it_costs_little(rectangles):
    rare = engine.ValidatedEpochs(*prepared(rectangles, epochs=7, size=16, width=2))
    assert 1 <= sum(epoch in rare for epoch in range(1, 8)) < 7
    assert 7 in rare
    each = engine.ValidatedEpochs(*prepared(rectangles, epochs=7, size=512, width=2))
    assert all(epoch in each for epoch in range(1, 8))


def test_a_training_by_the_clock_is_done_again_by_its_recipe(rectangles, monkeypatch):
    """To the same weights, however fast the machine is the second time."""
    monkeypatch.setattr(course, "ByClock", Ticking)
    first = trained(rectangles, minutes=0.5, epochs=3, batch_size=3, **SMALL)
    done = read_done(first.done_file)
    assert first.recipe.loop.done == str(first.done_file)
    recipe = defaults.for_machine(first.recipe, CPU)
    data = open_data(recipe)
    plan = defaults.for_data(recipe, CPU, data.train, data.splits.labels)
    second = Run(rectangles / "again")
    second.path.mkdir()
    engine.train(plan, data, CPU, second)
    assert second.epochs == first.epochs
    assert len(done) > 4  # more than two epochs of two steps
    assert read_done(second.done_file) == done
    one, other = (load_model(run.last_model_file).get_weights() for run in (first, second))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


class Ticking(ByClock):
    """A second passes whenever it looks at the clock."""

    def __init__(self, seconds, afterwards):
        super().__init__(seconds, clock=iter(range(10**6)).__next__)


@pytest.mark.backend
def test_a_training_learns_rectangles(rectangles):
    """A small network finds bright boxes on dark ground."""
    run = trained(rectangles, width=4, epochs=40, batch_size=3, size=32, learning_rate=0.01)
    assert np.nanmax(run.history["val_mean_iou"]) > 0.8
    assert run.epochs == 40
    assert 1 <= run.best_epoch <= 40
    sample = run.source().split("val", run.labels)[0]
    agreement = (run.predictor().predict([sample.image])[0] == sample.mask).mean()
    assert agreement > 0.8


def test_the_same_plan_gives_the_same_weights(rectangles):
    """A training follows its seed alone."""
    weights = []
    for _ in range(2):
        plan, data = prepared(rectangles, epochs=1, batch_size=3, seed=5, **SMALL)
        network.set_seed(plan.seed)
        model, batches, _ = engine.assemble(plan, data, CPU)
        model.fit(batches, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_saved_network_is_float32_whatever_it_was_trained_in(rectangles):
    run = trained(rectangles, epochs=1, precision="bfloat16", **SMALL)
    model = load_model(run.model_file)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert np.isfinite(model.predict_on_batch(np.zeros((1, 32, 32, 3)))).all()


def test_a_deeply_supervised_run_keeps_all_heads_and_saves_one(rectangles):
    fields = {"arch": "linknet", "encoder": "resnet18", "heads": 3, "head_weights": "half"}
    run = trained(rectangles, width=4, epochs=1, size=32, **fields)
    assert set(keras.models.load_model(run.heads_file).output) == {
        "decoder_3", "decoder_2", "final",
    }  # fmt: skip
    assert keras.models.load_model(run.model_file).output.shape[-1] == 2
    assert {"decoder_3", "decoder_2", "final", "loss", "val_mean_iou"} <= set(run.history)
    assert run.recipe.model.head_weights == "half"


def test_skipped_pairs_are_listed_in_the_run_and_in_its_recipe(rectangles):
    (rectangles / "train/images/1.png").write_text("no image")
    run = trained(rectangles, skip_broken=True, **QUICK)
    assert set(json.loads(run.skipped_file.read_text())) == {"train/1"}
    assert run.recipe.data.skipped == ("train/1",)


@pytest.mark.parametrize("mix", ["cutmix", "copy-paste"])
def test_rare_crops_and_mixed_samples_train(rectangles, mix):
    run = trained(rectangles, crop="rare", mix=mix, **QUICK)
    assert run.augmentation_file.exists()


def test_a_fourth_band_trains_with_one_output(rectangles):
    """The box is seen in the last band alone."""
    channels = 4
    for path in rectangles.glob("*/images/*.png"):
        grey = np.asarray(Image.open(path))[..., :1]
        bands = np.concatenate([np.full_like(grey, 90)] * (channels - 1) + [grey], axis=-1)
        Image.fromarray(bands.squeeze()).save(path)
    run = trained(
        rectangles,
        channels=channels,
        output="sigmoid",
        width=4,
        epochs=25,
        batch_size=3,
        size=32,
        learning_rate=0.01,
    )
    model = load_model(run.model_file)
    assert model.input.shape[-1] == channels
    assert model.output.shape[-1] == 1
    assert np.nanmax(run.history["val_mean_iou"]) > 0.7


def test_a_training_that_explodes_ends_in_words_and_keeps_no_nan(rectangles):
    said = "not a finite number.*gone back 3 times"
    with pytest.warns(UserWarning), pytest.raises(KsegError, match=said) as error:
        trained(rectangles, learning_rate=1e30, epochs=9, **SMALL)
    assert "learning_rate=" in str(error.value)
    run = Run(rectangles / "run")
    for path in run.path.glob("*.keras"):
        assert all(np.isfinite(weight).all() for weight in load_model(path).get_weights())
    assert not run.is_finished
    signs = [finding["sign"] for finding in json.loads(run.findings_file.read_text())]
    assert signs.count("not finite") == 4


def test_the_best_epoch_is_that_of_what_is_monitored(rectangles):
    run = trained(rectangles, epochs=3, monitor="dice:box", **SMALL)
    column = run.history["val_dice_box"]
    assert run.best_epoch == 1 + np.nanargmax(column)


def test_what_is_not_above_is_not_kept(rectangles):
    words = {"epochs": 2, "monitor": "mean_dice", **SMALL}
    with pytest.raises(KsegError, match=r"val mean Dice was 0\.\d+ at best.*above 0\.999"):
        trained(rectangles, above=0.999, **words)
    run = Run(rectangles / "run")
    assert (run.last_model_file.exists(), run.model_file.exists()) == (True, False)


def test_a_training_that_gets_no_better_ends(rectangles):
    run = trained(rectangles, epochs=50, learning_rate=1e-12, average=0, patience=2, **SMALL)
    assert run.epochs < 50
    waited = re.search(r"(\d+) epochs before", run.ended)
    assert int(waited[1]) >= 2, run.ended  # more where an epoch in between was not validated


@pytest.mark.parametrize("monitor", ["dice:bx", "recall:void"])
def test_a_class_to_monitor_must_be_there(rectangles, monitor):
    with pytest.raises(KsegError, match="class to monitor"):
        trained(rectangles, epochs=1, monitor=monitor, **SMALL)
