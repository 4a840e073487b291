"""The commands as a user types them: what they print, write and refuse."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image
from scipy import ndimage

from kseg.cli.group import kseg
from tests.conftest import write_data, write_split

FAST = ["--width", "4", "--size", "32", "--batch-size", "3"]
TINY = ["--epochs", "2", *FAST]
PLAIN = ["--arch", "convnet", *TINY]  # where any network serves, the one built the fastest


def call(*arguments, code=0):
    result = CliRunner().invoke(kseg, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with data, in which one run was trained."""
    root = tmp_path_factory.mktemp("workplace")
    write_data(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        output = call("train", "--arch", "unet", "--data", "data", "--name", "first", *TINY)
    (root / "output.txt").write_text(output)
    return root


@pytest.fixture
def here(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    return workplace


def test_train_says_what_it_does_and_what_comes_next(here):
    output = (here / "output.txt").read_text()
    for expected in (
        "device",
        "6 training and 3 validation images, 2 classes",
        "2 classes from data/classes.json",
        "epoch 2/2  loss",
        "val mean IoU",
        "of 2, the best by val mean IoU",
        "ground",
        "kseg evaluate first",
        "kseg predict --run first",
        "of the training for images",
        "saved_models/first, best epoch",
    ):
        assert expected in output


def test_a_run_holds_everything(here):
    run = here / "saved_models/first"
    assert {
        path.name
        for path in run.iterdir()
        if not path.name.startswith(("eval", "conf", "im", "reli"))
    } == {
        "model.keras",
        "last.keras",
        "recipe.yaml",
        "temperature.json",
        "training.json",
        "splits.json",
        "augmentation.yaml",
        "classes.json",
        "history.csv",
        "history.jsonl",
        "previews",
        "previews.gif",
        "scores.json",
        "curves.png",
        "predictions.png",
    }
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["images"]) for line in lines] == [(1, 6), (2, 12)]
    assert set(lines[-1]["val_iou"]) == {"ground", "box"}
    assert (run / "previews/epoch_002.png").exists()
    history = (run / "history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in history] == ["epoch", "1", "2"]
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    assert recipe["versions"]["keras"] == keras.__version__
    assert (recipe["data"]["path"], recipe["loop"]["epochs"], recipe["seed"]) == ("data", 2, 0)
    summary = json.loads((run / "training.json").read_text())
    assert summary["epochs"] == 2
    assert summary["best_epoch"] in (1, 2)
    assert set(json.loads((run / "scores.json").read_text())["classes"]) == {"ground", "box"}


def test_the_recipe_makes_the_same_run_again(here):
    call("train", "--recipe", "saved_models/first/recipe.yaml", "--name", "again")
    first, again = (
        keras.models.load_model(here / "saved_models" / name / "model.keras").get_weights()
        for name in ("first", "again")
    )
    for one, other in zip(first, again, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    shutil.rmtree(here / "saved_models/again")


def test_evaluate_prints_and_writes_scores(here):
    output = call("evaluate", "first")
    assert "2 images of test" in output
    report = json.loads((here / "saved_models/first/evaluation_test.json").read_text())
    matrix = np.array(report["confusion"])
    assert matrix.sum() == 2 * 40 * 48
    iou = np.diag(matrix) / (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))
    assert report["mean_iou"] == pytest.approx(iou.mean())
    assert f"{iou.mean():.3f}" in output
    assert (here / "saved_models/first/confusion_test.png").exists()


def test_evaluate_scores_borders_calibration_and_each_image(here):
    output = call("evaluate", "first", "--border", "2", "--calibration")
    for expected in ("border F1", "HD95", "within 2 pixels", "expected calibration error"):
        assert expected in output
    assert "within 3 pixels" in call("evaluate", "first", "--border", "--split", "val")
    output = call("evaluate", "first", "--split", "val", "--per-image")
    run = here / "saved_models/first"
    rows = (run / "images_val.csv").read_text().splitlines()
    assert rows[0] == "image,mean_iou,pixel_accuracy"
    scores = [float(row.split(",")[1]) for row in rows[1:]]
    assert len(scores) == 3
    assert scores == sorted(scores)
    assert f"{rows[1].split(',')[0]} {scores[0]:.3f}" in output
    assert Image.open(run / "reliability_test.png").size[0] > 300
    content = json.loads((run / "evaluation_test.json").read_text())
    assert content["border_tolerance"] == 2
    assert (content["how"]["tta"], content["how"]["engines"]) == (None, ["keras"])
    call("evaluate", "first", "--tta", "flip")
    assert json.loads((run / "evaluation_test.json").read_text())["how"]["tta"] == "flip"
    assert 0 <= content["calibration"]["expected_error"] <= 1


def test_where_void_hides_all_borders_that_is_said(here):
    write_split(here / "outlined/test", 2)
    for path in (here / "outlined/test/masks").iterdir():
        mask = np.asarray(Image.open(path)).copy()
        inner = np.zeros_like(mask)
        inner[2:-2, 2:-2] = ndimage.minimum_filter(mask, 5)[2:-2, 2:-2]
        mask[(ndimage.maximum_filter(mask, 5) == 1) & (inner == 0)] = 255
        Image.fromarray(mask).save(path)
    output = call("evaluate", "first", "--data", "outlined", "--split", "test", "--border", "1")
    assert "none to score: nowhere do two classes meet outside of void" in output
    assert "nan" not in output


def test_evaluate_on_another_folder_with_only_that_split(here):
    write_split(here / "other/test", 1, seed=9)
    assert "1 images of test" in call("evaluate", "first", "--data", "other", "--split", "test")


def test_predict_goes_on_after_a_broken_file(here, tmp_path, monkeypatch):
    (tmp_path / "broken.png").write_text("no image")
    rng = np.random.default_rng(0)
    for name, size in (("a.jpg", (31, 57)), ("b.png", (70, 20))):
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    runs = here / "saved_models"
    output = call("predict", "*.jpg", ".", "--out", "out", "--runs", runs, code=1)
    assert "broken.png is not an image" in output
    assert "1 of 3 images could not be read" in output
    mask = Image.open(tmp_path / "out/a_mask.png")
    assert mask.mode == "P"
    assert np.asarray(mask).shape == (31, 57)
    assert set(np.unique(mask)) <= {0, 1}
    width, height = Image.open(tmp_path / "out/b_overlay.png").size
    assert width == 240  # a small image is drawn larger, and leaves room for the legend below
    assert height > 8 * 70
    assert "%" in output


def test_predict_takes_the_newest_run_and_keeps_folders(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "same.png")
    for given in ("x", "y/same.png"):
        assert "first" in call("predict", given, "--runs", here / "saved_models")
    assert (tmp_path / "predictions/x/same_mask.png").exists()
    assert (tmp_path / "predictions/y/same_mask.png").exists()


def test_overwrite_replaces_a_run_only_when_asked(here):
    call("train", "--data", "data", "--name", "twice", *PLAIN)
    (here / "saved_models/twice/note.txt").write_text("mine")
    output = call("train", "--data", "data", "--name", "twice", *PLAIN, code=2)
    assert "exists" in output
    assert "--overwrite" in output
    call("train", "--data", "data", "--name", "twice", "--overwrite", *PLAIN)
    assert not (here / "saved_models/twice/note.txt").exists()
    assert [path.name for path in (here / "saved_models").glob(".*")] == []
    shutil.rmtree(here / "saved_models/twice")


def test_a_run_keeps_the_pipeline_that_it_was_trained_with(here):
    import albumentations as A

    A.save(A.Compose([A.VerticalFlip(p=1)]), "mine.yaml", data_format="yaml")
    arguments = ["--name", "own", "--cache", "disk", *PLAIN]
    call("train", "--data", "data", "--augment", "mine.yaml", *arguments)
    (here / "mine.yaml").unlink()
    folder = here / "saved_models/own"
    first = (folder / "history.csv").read_text()
    call("train", "--recipe", folder / "recipe.yaml", "--overwrite", *arguments)
    assert "VerticalFlip" in (folder / "augmentation.yaml").read_text()
    losses = [
        text.splitlines()[-1].split(",")[1:3]
        for text in (first, (folder / "history.csv").read_text())
    ]
    assert losses[0] == losses[1]
    shutil.rmtree(folder)


def test_default_names_are_numbered(here):
    for expected in ("convnet-data", "convnet-data-2"):
        assert f"saved_models/{expected}," in call("train", "--data", "data", *PLAIN)
    for name in ("convnet-data", "convnet-data-2"):
        shutil.rmtree(here / "saved_models" / name)


def test_a_failed_overwrite_puts_the_old_run_back(here, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("kseg.training.engine.train", fail)
    output = call("train", "--data", "data", "--name", "first", "--overwrite", *PLAIN, code=1)
    assert "out of memory" in output
    assert (here / "saved_models/first/model.keras").exists()


def test_a_training_that_explodes_ends_in_words_and_leaves_the_old_run(here):
    """Not with a model of NaN in the place of a good one, and in the words of the command line."""
    before = (here / "saved_models/first/model.keras").read_bytes()
    explosive = ["--learning-rate", "1e30", "--epochs", "9", *FAST]
    words = ["--arch", "unet", "--data", "data", "--name", "first", "--overwrite", *explosive]
    output = " ".join(call("train", *words, code=1).split())
    assert "doctor epoch" in output
    assert "It had gone back 3 times. Take a lower --learning-rate" in output
    assert (here / "saved_models/first/model.keras").read_bytes() == before


def test_a_training_that_gets_no_better_says_so(here):
    words = ["--patience", "1", "--learning-rate", "1e-12", "--average", "0", "--epochs", "40"]
    output = call("train", "--arch", "convnet", "--data", "data", "--name", "ended", *words, *FAST)
    assert "val mean IoU was at its best in epoch" in output
    shutil.rmtree(here / "saved_models/ended")


def test_ctrl_c_leaves_a_usable_run(here, monkeypatch):
    from kseg.callbacks import Progress

    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "on_epoch_end", interrupt)
    output = call("train", "--data", "data", "--name", "stopped", *PLAIN, code=130)
    assert "Stopped after 1 of 2 epochs. Go on: kseg train --resume stopped" in output
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert (here / "saved_models/stopped/curves.png").exists()
    call("evaluate", "stopped")
    shutil.rmtree(here / "saved_models/stopped")


def test_a_training_goes_on(here, monkeypatch):
    from kseg.callbacks import Progress

    def ctrl_c(self, epoch, logs=None):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "on_epoch_begin", ctrl_c)
    monkeypatch.setattr(Progress, "on_epoch_end", lambda self, epoch, logs=None: None)
    output = call("train", "--data", "data", "--name", "broken", *PLAIN, code=130)
    assert "Go on: kseg train --resume broken" in output
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert "cannot change" in call("train", "--resume", "broken", "--loss", "dice", code=2)
    assert "leave out --recipe" in call("train", "--resume", "broken", "--name", "b", code=2)
    output = call("train", "--resume", "broken")
    assert "goes on" in output
    assert "of 2\n" in output
    assert "is finished: 2 epochs" in call("train", "--resume", "broken", code=2)
    assert (here / "saved_models/broken/scores.json").exists()
    shutil.rmtree(here / "saved_models/broken")


def test_ctrl_c_in_the_first_step_keeps_nothing(here, monkeypatch):
    from kseg.callbacks import Progress

    def interrupt(self, batch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "on_train_batch_end", interrupt)
    output = call("train", "--data", "data", "--name", "early", *PLAIN, code=130)
    assert "Stopped after 0 of 2 epochs. Nothing was reached" in output
    assert not (here / "saved_models/early").exists()


def test_ctrl_c_in_the_first_epoch_keeps_the_run_that_was_to_be_replaced(here, monkeypatch):
    from kseg.callbacks import Progress

    def interrupt(self, batch, logs=None):
        raise KeyboardInterrupt

    before = (here / "saved_models/first/model.keras").read_bytes()
    monkeypatch.setattr(Progress, "on_train_batch_end", interrupt)
    output = call("train", "--data", "data", "--name", "first", "--overwrite", *PLAIN, code=130)
    assert "saved_models/first is as it was" in output
    assert (here / "saved_models/first/model.keras").read_bytes() == before
    assert (here / "saved_models/first/scores.json").exists()


def test_predictions_never_land_among_the_images(here, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "a_mask.png")
    before = (tmp_path / "a_mask.png").read_bytes()
    output = call("predict", tmp_path / "a.png", "--out", tmp_path, code=1)
    assert "among the images" in output
    assert "by --out" in output
    assert (tmp_path / "a_mask.png").read_bytes() == before


def test_minutes_end_the_training(here):
    output = call(
        "train", "--data", "data", "--name", "timed", "--minutes", "0.02", *PLAIN[:2], *FAST
    )
    assert "0.02 minutes, about" in output
    assert "epoch 1  loss" in output
    output = call("train", "--recipe", "saved_models/timed/recipe.yaml", "--name", "again")
    assert "as long as saved_models/timed/done.txt says" in output
    for name in ("timed", "again"):
        shutil.rmtree(here / "saved_models" / name)


def test_a_sum_of_losses_is_trained_and_kept(here):
    options = ["--name", "sum", "--loss", "ce + 0.5*dice", "--max-side", "32", "--augment", "none"]
    output = call("train", "--data", "data", *options, *PLAIN)
    assert "loss ce + 0.5*dice, class weights none" in output
    assert "at full size; the epochs above saw images of up to 32" in output
    assert "(scale" not in output
    recipe = yaml.safe_load((here / "saved_models/sum/recipe.yaml").read_text())
    assert recipe["loss"]["terms"] == "ce + 0.5*dice"
    shutil.rmtree(here / "saved_models/sum")


def test_images_that_come_later_are_not_scored_as_what_was_split_off(here, tmp_path):
    write_split(tmp_path / "piece", 9)
    call("train", "--data", tmp_path / "piece", "--name", "kept", "--val-fraction", "0.3", *PLAIN)
    kept = json.loads((here / "saved_models/kept/splits.json").read_text())["split_off"]["val"]
    for part in ("images", "masks"):
        for name in ("0_new", "00_new", "5_new"):
            shutil.copy(tmp_path / f"piece/{part}/0.png", tmp_path / f"piece/{part}/{name}.png")
    call("evaluate", "kept", "--per-image")
    rows = (here / "saved_models/kept/images_val.csv").read_text().splitlines()[1:]
    assert sorted(row.split(",")[0] for row in rows) == sorted(kept)
    assert "12 images of all" in call("evaluate", "kept", "--data", tmp_path / "piece")
    shutil.rmtree(here / "saved_models/kept")


def test_tensorboard_logs_on_request(here):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    call("train", "--data", "data", "--name", "logged", "--tensorboard", *PLAIN)
    run = here / "saved_models/logged"
    logs = run / "logs"
    assert {path.parent.name for path in logs.rglob("*tfevents*")} == {
        "train",
        "validation",
        "classes",
    }
    events = EventAccumulator(str(logs / "classes")).Reload()
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    for name in ("ground", "box"):
        found = {
            event.step: float(make_ndarray(event.tensor_proto))
            for event in events.Tensors(f"epoch_iou/{name}")
        }
        assert found[1] == pytest.approx(lines[1]["val_iou"][name], rel=1e-4)
    last = make_ndarray(events.Tensors("previews")[-1].tensor_proto)
    picture = Image.open(run / "previews/epoch_002.png").convert("RGB")
    logged = Image.open(io.BytesIO(last[2])).convert("RGB")
    np.testing.assert_array_equal(np.asarray(logged), np.asarray(picture))
    shutil.rmtree(run)


def test_a_schedule_is_drawn_and_nothing_trained(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = ["--schedule", "step(at=[30,80],factors=[1,0.1,0.01])"]
    output = call("train", "--plot-schedule", "rate.png", "--epochs", "100", *steps)
    assert output.split() == ["written", "rate.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["rate.png"]
    assert "their number by --epochs" in call("train", "--plot-schedule", "a.png", *steps, code=2)


def test_a_learning_rate_is_suggested_and_no_run_left(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = call("train", "--data", here / "data", "--find-lr", *PLAIN)
    assert "written    learning_rate.png, learning_rate.csv" in output
    rate = re.search(r"--learning-rate ([\d.e-]+)", output)[1]
    assert 1e-4 < float(rate) < 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "learning_rate.csv",
        "learning_rate.png",
    ]


def test_a_missing_tensorboard_is_said_before_anything_is_read(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    output = call("train", "--data", "data", "--name", "x", "--tensorboard", *TINY, code=1)
    assert "python -m pip install tensorboard" in output
    assert "training images" not in output


def test_info_names_versions_and_device():
    output = call("info")
    assert keras.__version__ in output
    assert "device" in output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--arch", "unett"], "Did you mean 'unet'"),
        (["train", "--arch", "unet", "--encoder", "resnet34"], "has an encoder of its own"),
        (["train", "--arch", "fpn", "--encoder", "resnet3"], "Did you mean 'resnet"),
        (
            ["train", "--encoder", "resnet34", "--weights", "imagenet"],
            "no ImageNet weights for 'resnet34'",
        ),
        (["train", "--head-weights", "1,x"], "'--head-weights'"),
        (["train", "--arch", "deep_unet", "--size", "96"], "multiples of 64"),
        (["train", "--size", "0"], "expected 256, or 256x320"),
        (["train", "--size", "40"], "multiples of 16"),
        (["train", "--scale", "2", "1"], "scale must rise"),
        (["train", "--learning-rate", "nan"], "'--learning-rate'"),
        (["train", "--lr", "0.1"], "Did you mean --learning-rate?"),
        (["train", "--l2", "0.1"], "Give --set optimizer.l2=VALUE"),
        (["train", "--set", "model.widht=3"], "Did you mean 'width'"),
        (["train", "--set", "width"], "expected FIELD=VALUE"),
        (["train", "--block", "residual(dropuot=0.1)"], "Did you mean 'dropout'"),
        (["train", "--arch", "fpn", "--block", "residual"], "fpn takes no --block"),
        (["train", "--channels", "9"], "'--channels'"),
        (["train", "--loss", "focal(gama=2)"], "Did you mean 'gamma'"),
        (["train", "--output", "sigmod"], "'--output'"),
        (["train", "--device", "tpu"], "'--device'"),
        (["recipe", "diff", "first"], "Missing argument"),
        (["evaluate", "--border=0"], "'--border'"),
        (["train", "--minutes", "inf"], "--minutes"),
        (["train", "--size", "1x2x3"], "expected 256, or 256x320"),
        (["train", "--epochs", "0"], "--epochs"),
        (["train", "--data", "nowhere"], "must be a folder, a list of pairs"),
        (["train", "--class-weights", "1,-2"], "'--class-weights'"),
        (["train", "--class-weights", "heavy"], "'none', 'median', 'enet'"),
        (["train", "--epochs", "1", "--minutes", "1"], "not both"),
        (["train", "--name", "../x"], "--name must be of letters"),
        (["train", "--val-fraction", "1"], "--val-fraction"),
        (["train", "--loss", "dyce"], "Did you mean 'dice'"),
        (["train", "--loss", "ce+"], "--loss"),
        (["train", "--loss", "ce+-1*dice"], "--loss"),
        (["train", "--colour"], "No such option"),
        (["train", "--recipe", "none.yaml"], "does not exist"),
        (["evaluate", "--split", "tset"], "--split"),
        (["predict"], "Missing argument"),
        (["train", "--plot-schedule", "a.jpg"], "must end in .png"),
        (["train", "--plot-schedule", "a.png", "--find-lr"], "not both"),
        (["train", "--resume", "first", "--find-lr"], "leave out --recipe"),
        (["train", "--find-lr", "none/a.png"], "lies in no folder"),
    ],
)
def test_usage_errors_end_with_2(here, arguments, expected):
    assert expected in " ".join(call(*arguments, code=2).split())


def unreadable(data):
    (data / "train/images/1.png").write_text("text")


def truncated(data):
    path = data / "train/images/1.png"
    Image.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    path = path.with_suffix(".jpg")
    path.write_bytes(path.read_bytes()[:400])


def alone(data):
    (data / "val/masks/1.png").unlink()


def outside(data):
    Image.fromarray(np.full((40, 48), 5, np.uint8)).save(data / "val/masks/1.png")


def resized(data):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(data / "train/masks/1.png")


def emptied(data):
    for path in (data / "train/images").iterdir():
        path.unlink()


def contradicted(data):
    (data / "classes.json").write_text('{"classes": ["ground", "box"], "ignore": 0}')


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (unreadable, "train/images/1.png is not an image"),
        (truncated, "train/images/1.jpg cannot be read"),
        (alone, "val/images/1.png has no partner: expected a mask"),
        (outside, "val/masks/1.png holds the values [5]; expected 0 to 1, or 255 for void"),
        (resized, "train/masks/1.png is 9x9 pixels, but its image"),
        (emptied, "train/images holds no file"),
        (contradicted, "classes.json: The void index 0 is that of the class 'ground'"),
    ],
)
def test_bad_data_ends_with_1_before_anything_is_written(here, tmp_path, spoil, expected):
    data = tmp_path / "data"
    shutil.copytree(here / "data", data)
    spoil(data)
    output = call("train", "--data", data, "--name", "bad", *TINY, code=1)
    assert expected in " ".join(output.split())
    assert not (here / "saved_models/bad").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--arch", "unetpp", "--heads", "9"], "heads must be from 1 to 4"),
        (["--arch", "unet", "--heads", "9"], "from 2 to 4"),
        (["--arch", "unetpp", "--head-weights", "1,2"], "as many entries as the heads: 4"),
        (["--arch", "convnet", "--heads", "2"], "nowhere to add side heads"),
    ],
)
def test_heads_that_the_network_does_not_have_end_with_2(here, arguments, expected):
    assert expected in " ".join(call("train", "--data", "data", *arguments, code=2).split())
    assert not list((here / "saved_models").glob("conv*"))


def test_wrong_weights_for_the_data_end_with_1(here):
    output = call("train", "--data", "data", "--class-weights", "1,2,3", *TINY, code=1)
    assert "2 in all (ground, box). Received 3" in output


def test_predict_without_a_run_says_which_command_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("image.png")
    assert "kseg train --arch unet" in call("predict", "image.png", code=1)
    assert not (tmp_path / "predictions").exists()


def test_an_unknown_run_lists_those_there(here):
    assert "Runs there: first" in call("evaluate", "second", code=1)


def test_a_missing_image_is_named(here):
    assert "none.png does not exist" in call("predict", "none.png", code=1)


def test_names_reach_the_terminal_as_they_are(here, tmp_path):
    run = tmp_path / "runs/odd"
    shutil.copytree(here / "saved_models/first", run)
    (run / "classes.json").write_text(json.dumps({"classes": ["gr$o$und\n", "\x1b[31m[red]box"]}))
    write_split(tmp_path / "other/test", 1)
    for part in ("images", "masks"):
        folder = tmp_path / f"other/test/{part}"
        (folder / "0.png").rename(folder / "a\x1b[2J\n0.png")
    data = tmp_path / "other"
    output = call("evaluate", run, "--data", data, "--per-image")
    output += call("predict", data / "test/images", "--run", run, "--out", tmp_path / "out")
    (data / "test/images/a\x1b[2J\n0.png").write_text("no image")
    output += call("predict", data / "test/images", "--run", run, "--out", tmp_path, code=1)
    output += call("evaluate", run, "--data", data, code=1)
    output += call("evaluate", run, "a\x1b[2J", code=1)
    assert "\x1b" not in output
    for expected in (r"gr$o$und\n ", r"\x1b[31m[red]box", r"a\x1b[2J\n0.png is not an image"):
        assert expected in output


def test_a_full_disk_says_what_is_left(here, monkeypatch):
    saved = []

    def full(handle):
        saved.append(handle)
        if len(saved) > enough:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("kseg._files.os.fsync", full)
    for enough, expected in (
        (2, "Nothing is kept: no step was taken."),
        (6, "Make room, and begin anew: kseg train --resume saved_models/full."),
    ):
        saved.clear()
        output = call("train", "--data", "data", "--name", "full", *PLAIN, code=1)
        assert "No space left on device. " in output
        assert "Error: saved_models/full/" in output
        assert expected in output
        assert (here / "saved_models/full/model.keras").exists() == (enough > 2)
    monkeypatch.setattr("kseg._files.os.fsync", lambda handle: None)
    call("evaluate", "full")
    assert "of 2\n" in call("train", "--resume", "full")
    shutil.rmtree(here / "saved_models/full")


def test_a_damaged_list_of_splits_is_named(here, tmp_path):
    for content in ("[]", '{"split_off": {"val": 3}}', '{"split_off": {"val": [1]}}', "[" * 9999):
        run = tmp_path / "runs/broken"
        shutil.copytree(here / "saved_models/first", run, dirs_exist_ok=True)
        (run / "splits.json").write_text(content)
        assert "splits.json is damaged" in call("evaluate", run, code=1)


def test_a_truncated_model_is_explained(here, tmp_path):
    run = tmp_path / "runs/short"
    shutil.copytree(here / "saved_models/first", run)
    content = (run / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(content[: len(content) // 2])
    output = call("evaluate", "short", "--runs", run.parent, code=1)
    assert "model.keras is not a whole Keras model" in output


def test_a_read_only_folder_is_explained(here, tmp_path, monkeypatch):
    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    output = call("train", "--data", "data", "--runs", tmp_path / "closed", *TINY, code=1)
    assert "cannot be made: Permission denied" in output


def test_a_fault_of_kseg_is_no_bare_traceback(here, monkeypatch):
    def fail(*arguments, **options):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("kseg.evaluation.evaluate", fail)
    output = call("evaluate", "first", code=1)
    assert "ZeroDivisionError: by zero" in output
    assert "KSEG_TRACEBACK=1" in output


def test_a_network_is_written_for_other_programs_and_checked(here):
    output = call("export", "first", "--out", "exported")
    for expected in (
        "exported/model, classes.json beside it",
        "on images of its data, ",
        "100.00%",
    ):
        assert expected in output
    assert "is there already" in call("export", "first", "--out", "exported", code=1)
    assert "Did you mean" in call("export", "first", "--formt", "onnx", code=2)


def test_a_job_that_is_given_again_says_what_was_there(here):
    words = ["predict", "data/test/images", "--run", "first", "--out", "twice"]
    assert "masks and overlays of 2 images in twice" in call(*words)
    output = call(*words)
    assert "masks and overlays of 0 images in twice" in output
    assert "2 were there, of the same image and network (--again)" in output
    more = call(*words, "--again", "--write", "geojson+areas")
    assert "masks and overlays, geojson, areas of 2 images in twice" in more
    assert (here / "twice/areas.csv").exists()
    assert "of 1 images" in call(*words, "--again", "--shard", "2/2")
    assert "is no part of a whole, such as 1/4" in call(*words, "--shard", "3/2", code=2)


def test_what_averaging_is_worth_is_said(here):
    output = call("evaluate", "first", "--tta", "flip")
    assert re.search(r"gain +IoU [+-]0\.\d{3} over first alone, [+-]0\.\d{3} to [+-]0", output)
    assert "Did you mean 'flip'?" in call("evaluate", "first", "--tta", "flop", code=2)


def test_nothing_but_kseg_writes_to_the_terminal(here):
    """In a real process: no line of TensorFlow, CUDA or Python between those of kseg."""
    result = subprocess.run(
        [sys.executable, "-m", "kseg", "predict", "data/test/images/0.png", "--out", "quiet"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "device",
        "run",
        "shown",
        "data/test/images/0.png",
        "written",
    ]


def test_a_reader_that_goes_does_not_end_a_training(here):
    """As in `kseg train | head -1`."""
    command = f"{sys.executable} -m kseg train --data data --name piped {' '.join(PLAIN)}"
    script = f"{command} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("device")
    assert (here / "saved_models/piped/scores.json").exists()
    shutil.rmtree(here / "saved_models/piped")


def test_a_warm_start_says_what_it_takes(here):
    arguments = ["--data", "data", "--name", "warm", "--warm-start", "first"]
    output = call("train", *arguments, "--epochs", "1", "--size", "32", "--batch-size", "3")
    assert "chosen     unet, the network of saved_models/first" in output
    assert re.search(r"taken      (\d+) of \1 layers of saved_models/first", output)
    recipe = yaml.safe_load((here / "saved_models/warm/recipe.yaml").read_text())
    assert recipe["model"]["warm_start"] == "saved_models/first"
    shutil.rmtree(here / "saved_models/warm")
    assert "--warm-start no is to" in call("train", *arguments[:-1], "no", code=2)


def test_folds_end_in_a_table_of_mean_and_spread(here):
    arguments = ["train", "--data", "data", "--folds", "2", "--name", "cv", *PLAIN[:2], *FAST]
    output = call(*arguments, "--epochs", "1")
    for expected in ("fold       2 of 2, saved_models/cv-fold2", "deviation", "kseg evaluate cv-f"):
        assert expected in output
    summary = json.loads((here / "saved_models/cv-folds.json").read_text())
    row = next(line for line in output.splitlines() if line.strip().startswith("mean IoU"))
    values = [summary["mean_iou"][name] for name in ("mean", "deviation")]
    assert row.split()[2:4] == [f"{value:.3f}" for value in values]
    for path in (here / "saved_models").glob("cv-fold*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
