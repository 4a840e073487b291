"""`kseg data` as a user types it."""

import json
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.labels import Labels
from tests.cli.test_commands import call
from tests.conftest import write_split


def test_a_sound_folder_ends_with_0_and_a_suggestion(rectangles):
    output = call("data", "check", rectangles)
    assert "6 of train, 3 of val, 2 of test" in output
    assert "2 classes from" in output
    assert "found      nothing" in output
    assert "--size 32x32 --loss ce --class-weights none" in output


def test_errors_end_with_1_and_name_the_files(rectangles):
    for name in ("1", "2"):
        (rectangles / f"train/images/{name}.png").write_text("no image")
    output = call("data", "check", rectangles, code=1)
    assert "error      unreadable:" in output
    assert "1.png is not an image that can be read. 1 more like this." in output
    assert "train/images/2.png\n" in output
    assert "found      1 error\n" in output


def test_check_speaks_json(rectangles):
    (rectangles / "train/masks/1.png").unlink()
    report = json.loads(call("data", "check", rectangles, "--json", code=1))
    assert [finding["kind"] for finding in report["findings"]] == ["alone"]
    assert report["pairs"] == {"train": 5, "val": 3, "test": 2}


def test_stats_count_classes(rectangles):
    output = call("data", "stats", rectangles)
    table = {line.split()[0]: line.split() for line in output.splitlines() if line.strip()}
    masks = [np.asarray(Image.open(path)) for path in (rectangles / "train/masks").iterdir()]
    boxes = sum((mask == 1).sum() for mask in masks)
    assert table["box"][1] == f"{boxes:,}"
    assert table["box"][3:5] == ["6", "6"]
    assert table["void"][1] == "0"
    assert "40x48 (height x width)" in output


def test_stats_speak_json_of_any_split(rectangles):
    content = json.loads(call("data", "stats", rectangles, "--split", "all", "--json"))
    assert content["images"] == 11
    assert content["classes"]["box"]["images"] == 11
    assert set(content["classes"]["box"]["weights"]) == {"median", "enet", "inverse", "effective"}


def test_show_draws_a_sheet(rectangles, tmp_path):
    out = tmp_path / "sheet.png"
    call(
        "data",
        "show",
        rectangles,
        "--count",
        "2",
        "--augment",
        "pets",
        "--size",
        "32",
        "--out",
        out,
    )
    assert Image.open(out).size[0] > 1000
    assert "must end in .png" in call("data", "show", rectangles, "--out", "x.jpg", code=2)


def test_convert_writes_indices_of_any_form(tmp_path):
    write_split(tmp_path / "in", 3)
    labels = Labels(("ground", "box"), ((10, 20, 30), (200, 0, 0)))
    for path in (tmp_path / "in/masks").iterdir():
        Image.fromarray(labels.colorize(np.asarray(Image.open(path)))).save(path)
    content = {"classes": ["ground", "box"], "palette": [[10, 20, 30], [200, 0, 0]]}
    (tmp_path / "in/classes.json").write_text(json.dumps(content))
    output = call("data", "convert", tmp_path / "in", tmp_path / "out")
    assert "3 pairs, 2 classes (ground, box)" in output
    for index in range(3):
        colored = np.asarray(Image.open(tmp_path / f"in/masks/{index}.png"))
        written = Image.open(tmp_path / f"out/masks/{index}.png")
        np.testing.assert_array_equal(np.asarray(written), labels.from_colors(colored))
        np.testing.assert_array_equal(np.asarray(written.convert("RGB")), colored)
        image = (tmp_path / f"out/images/{index}.png").read_bytes()
        assert image == (tmp_path / f"in/images/{index}.png").read_bytes()
    assert "found      nothing" in call("data", "check", tmp_path / "out")
    assert "is there already" in call("data", "convert", tmp_path / "in", tmp_path / "out", code=1)


@pytest.mark.parametrize("command", ["check", "stats", "show"])
def test_what_is_no_data_set_is_explained(command, tmp_path):
    assert "does not exist" in call("data", command, tmp_path / "nowhere", code=2)
    assert "images is missing" in call("data", command, tmp_path, code=1)
    assert command != "check" or json.loads(call("data", "check", tmp_path, "--json", code=1))


def test_an_unknown_split_is_named(rectangles):
    (rectangles / "test").rename(rectangles / "old")
    assert "has no test split" in call("data", "stats", rectangles, "--split", "test", code=1)


def test_crops_of_a_photo_stay_together_where_nothing_is_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_split(tmp_path / "photos", 6)
    output = call("data", "tile", "photos", "crops", "--size", "16")
    line = next(line for line in output.splitlines() if line.startswith("next"))
    words = shlex.split(line.removeprefix("next").strip())[1:]
    call(*words, "--arch", "convnet", "--width", "2", "--epochs", "1", "--name", "run")
    run = kseg.open_run("run")
    photos = [{name.rpartition("_")[0] for name in names} for names in names_of(run)]
    assert all(photos)
    assert not set.intersection(*photos)


def names_of(run):
    """The names of the images that a run learns from, and of those it is judged by."""
    source = run.source()
    return [[path.stem for path in source.images(split)] for split in ("train", "val")]


def test_tile_cuts_pairs_alike_and_goes_on_where_it_stopped(rectangles, tmp_path):
    arguments = ["data", "tile", rectangles, tmp_path / "out", "--size", "16", "--overlap", "4"]
    output = call(*arguments)
    # 40x48 pixels in steps of up to 12: 3 x 4 windows of each of 11 images.
    assert f"{11 * 12} crops" in output
    assert "--split-by" not in output  # the photos are split already
    paths = sorted((tmp_path / "out/train/masks").iterdir())
    assert len(paths) == 72
    assert np.asarray(Image.open(paths[0])).shape == (16, 16)
    whole = np.asarray(Image.open(rectangles / "train/masks/0.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(paths[0])), whole[:16, :16])
    for path in paths[-12:]:
        path.unlink()
    kept = paths[0].stat().st_mtime_ns
    call(*arguments)
    assert len(list((tmp_path / "out/train/masks").iterdir())) == 72
    assert paths[0].stat().st_mtime_ns == kept
    assert "another cut" in call(*arguments, "--overlap", "2", code=1)
    other = ["data", "tile", rectangles, tmp_path / "large", "--size", "64"]
    assert "smaller than a crop" in call(*other, code=1)
    assert "below the size" in call(*arguments, "--overlap", "16", code=2)


def test_images_of_four_bands_are_checked_counted_and_shown(rectangles, tmp_path):
    for path in rectangles.glob("*/images/*.png"):
        Image.open(path).convert("RGBA").save(path)
    (rectangles / "train/images/1.png").write_bytes((rectangles / "val/images/1.png").read_bytes())
    bands = ["--channels", "4"]
    output = call("data", "check", rectangles, *bands, code=1)
    assert "look the same, in two splits" in output
    assert "--channels 4" in output
    content = json.loads(call("data", "stats", rectangles, *bands, "--json"))
    assert (len(content["mean"]), content["mean"][3]) == (4, 255)
    call("data", "show", rectangles, *bands, "--augment", "light", "--out", tmp_path / "x.png")
    assert "Received: --channels 4" in call(
        "data", "show", rectangles, *bands, "--augment", "photo", code=1
    )


def test_remedies_are_spelled_as_options(rectangles):
    image = (rectangles / "train/images/1.png").read_bytes()
    (rectangles / "train/images/2.png").write_bytes(image)
    shutil.rmtree(rectangles / "val")
    output = call("data", "check", rectangles)
    assert "--split-by group:PATTERN" in output
    assert "split_by=" not in output
