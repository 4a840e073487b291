"""What a training chooses, keeps and scores."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from kseg import training
from kseg.artifacts import RunFolder
from kseg.losses import LOSSES
from kseg.machine import Device
from kseg.recipes import make_recipe

CPU = Device("cpu", "a CPU", "float32")
OPEN = {"encoder", "heads", "level"}  # None means something there
GPU = Device("gpu", "a GPU", "bfloat16")


def test_what_is_not_given_is_chosen_for_machine_and_data(rectangles):
    recipe = training.prepare(make_recipe(data=str(rectangles)), CPU).recipe
    assert {name for name, value in recipe.model_dump().items() if value is None} == OPEN
    assert recipe.size == (32, 32)  # the images are 40x48; the network's stride is 32
    assert recipe.class_weights == "none"
    assert (recipe.width, recipe.precision) == (16, "float32")
    on_gpu = training.prepare(make_recipe(data=str(rectangles)), GPU).recipe
    assert (on_gpu.width, on_gpu.precision) == (32, "bfloat16")


def test_what_is_given_is_kept(rectangles):
    given = {
        "data": str(rectangles),
        "width": 3,
        "size": (16, 48),
        "max_side": 44,
        "scale": (0.7, 1.1),
        "batch_size": 2,
        "epochs": 5,
        "learning_rate": 0.5,
        "class_weights": (1, 2),
        "precision": "float32",
        "seed": 3,
    }
    recipe = training.prepare(make_recipe(**given), GPU).recipe
    assert {name: getattr(recipe, name) for name in given} == given


def test_rare_classes_have_the_classes_weighted(rectangles):
    prepared = training.prepare(make_recipe(data=str(rectangles)), CPU)
    assert prepared.train.pixels.sum(axis=0).min() / prepared.train.pixels.sum() > training.RARE
    few = make_recipe(data="shapes", size=(96, 96))
    assert training.prepare(few, CPU).recipe.class_weights == "none"


def test_only_losses_of_pixels_get_class_weights_by_themselves(rectangles, monkeypatch):
    monkeypatch.setattr(training, "RARE", 0.9)
    for loss, weights in (("ce", "enet"), ("focal+topk", "enet"), ("ce+dice", "none")):
        recipe = make_recipe(data=str(rectangles), loss=loss)
        assert training.prepare(recipe, CPU).recipe.class_weights == weights
    chosen = make_recipe(data=str(rectangles), loss="dice", class_weights="median")
    assert training.prepare(chosen, CPU).recipe.class_weights == "median"


def test_every_loss_trains(rectangles):
    recipe = make_recipe(
        data=str(rectangles), loss="+".join(LOSSES), arch="convnet", width=2, epochs=1, batch_size=3
    )
    run = training.train(training.prepare(recipe, CPU), RunFolder(rectangles))
    assert np.isfinite(float(run.folder.history.read_text().splitlines()[1].split(",")[1]))


def test_images_are_limited_in_training_but_scored_at_full_size(rectangles):
    recipe = make_recipe(data=str(rectangles), max_side=24, arch="convnet", width=2, epochs=1)
    prepared = training.prepare(recipe, CPU)
    assert prepared.train.sizes.max() == 24
    run = training.train(prepared, RunFolder(rectangles))
    assert run.evaluation.scores.matrix.sum() == 3 * 40 * 48


def test_validation_is_spread_so_that_it_costs_little(rectangles):
    recipe = make_recipe(data=str(rectangles), epochs=7, size=(16, 16), width=2)
    epochs = training._validated_epochs(training.prepare(recipe, CPU))
    assert epochs[-1] == 7
    assert len(epochs) < 7
    recipe = recipe.with_(size=(512, 512))
    assert training._validated_epochs(training.prepare(recipe, CPU)) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.backend
def test_a_training_learns_rectangles(rectangles):
    """A small network finds bright boxes on dark ground."""
    recipe = make_recipe(data=str(rectangles), width=4, epochs=40, batch_size=3, size=(32, 32))
    prepared = training.prepare(recipe, CPU)
    run = training.train(prepared, RunFolder(rectangles))
    assert run.evaluation.scores.means["mean_iou"] > 0.8
    assert run.epochs == 40
    saved = run.folder.open_predictor()
    sample = prepared.splits.val[0]
    agreement = (saved.predict([sample.image])[0] == sample.mask).mean()
    assert agreement > 0.8


def test_the_saved_network_is_float32_whatever_it_was_trained_in(rectangles):
    recipe = make_recipe(data=str(rectangles), width=2, epochs=1, precision="bfloat16")
    run = training.train(training.prepare(recipe, CPU), RunFolder(rectangles))
    from kseg.inference import load_model

    model = load_model(run.folder.model)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert np.isfinite(model.predict_on_batch(np.zeros((1, 32, 32, 3)))).all()


def test_nothing_but_void_is_refused(rectangles):
    for path in (rectangles / "val/masks").iterdir():
        Image.fromarray(np.full((40, 48), 255, np.uint8)).save(path)
    with pytest.raises(ValueError, match="validation masks hold nothing but void"):
        training.prepare(make_recipe(data=str(rectangles)), CPU)


def test_wrong_weights_are_refused_before_a_network_is_built(rectangles):
    with pytest.raises(ValueError, match=r"2 in all \(ground, box\)\. Received 3"):
        training.prepare(make_recipe(data=str(rectangles), class_weights=(1, 2, 3)), CPU)


def test_a_network_of_a_larger_stride_trains_on_sizes_that_fit_it(rectangles):
    recipe = make_recipe(data=str(rectangles), arch="deep_unet", width=4, epochs=1)
    prepared = training.prepare(recipe, CPU)
    assert prepared.recipe.size == (64, 64)
    assert training.prepare(make_recipe(arch="deep_unet", width=4), CPU).recipe.size == (128, 128)
    run = training.train(prepared, RunFolder(rectangles))
    assert run.evaluation.scores.matrix.sum() == 3 * 40 * 48


def test_a_deeply_supervised_run_keeps_all_heads_and_saves_one(rectangles):
    fields = {"arch": "linknet", "encoder": "resnet18", "heads": 3, "head_weights": "half"}
    recipe = make_recipe(data=str(rectangles), width=4, epochs=1, size=(32, 32), **fields)
    folder = RunFolder(rectangles)
    training.train(training.prepare(recipe, CPU), folder)
    assert set(keras.models.load_model(folder.heads).output) == {"decoder_3", "decoder_2", "final"}
    assert keras.models.load_model(folder.model).output.shape[-1] == 2
    columns = folder.history.read_text().splitlines()[0].split(",")
    assert {"decoder_3", "decoder_2", "final", "loss", "val_mean_iou"} <= set(columns)
    assert folder.read_recipe().head_weights == "half"


def test_broken_files_stop_a_training_or_are_listed_in_the_run(rectangles):
    (rectangles / "train/images/1.png").write_text("no image")
    (rectangles / "val/masks/2.png").write_bytes((rectangles / "val/masks/0.png").read_bytes()[:60])
    recipe = make_recipe(data=str(rectangles), arch="convnet", width=2, epochs=1)
    with pytest.raises(ValueError, match=r"train/images/1\.png is not an image"):
        training.prepare(recipe, CPU)
    with pytest.raises(ValueError, match=r"val/masks/2\.png .*--skip-broken"):
        training.prepare(recipe, CPU)
    prepared = training.prepare(recipe.with_(skip_broken=True), CPU)
    assert [len(prepared.splits.train), len(prepared.splits.val)] == [5, 2]
    run = training.train(prepared, RunFolder(rectangles))
    assert run.evaluation.images == 2
    assert set(json.loads(run.folder.skipped.read_text())) == {
        "train/1",
        "val/2",
    }
    again = training.prepare(run.folder.read_recipe(), CPU)
    assert len(again.splits.train) == 5


def test_a_broken_file_of_the_test_split_is_named_before_the_training(rectangles):
    (rectangles / "test/images/1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"test/images/1\.png is not an image"):
        training.prepare(make_recipe(data=str(rectangles), arch="convnet", width=2), CPU)


@pytest.mark.parametrize("mix", ["cutmix", "copy-paste"])
def test_rare_crops_and_mixed_samples_train(rectangles, mix):
    recipe = make_recipe(
        data=str(rectangles), arch="convnet", width=2, epochs=1, crop="rare", mix=mix
    )
    run = training.train(training.prepare(recipe, CPU), RunFolder(rectangles))
    assert run.folder.augmentation.exists()
