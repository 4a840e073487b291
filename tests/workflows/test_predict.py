"""`kseg.predict`: files, folders, patterns and arrays to masks, one after the other."""

import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.data.reading import files
from kseg.data.resizing import resized_image
from kseg.errors import ArgumentError, KsegError
from kseg.inference import Predictor, keep_largest, keras_engine, merge_small
from kseg.inference.engines import keras_model
from kseg.models import catalog
from kseg.runs.finding import open_runs
from kseg.workflows.watching import Watch


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in (("a.jpg", (31, 57)), ("b.png", (70, 20))):
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def test_files_and_arrays_are_predicted_in_order(run, images):
    array = np.asarray(Image.open(images / "b.png"))
    found = list(kseg.predict(run, [images / "b.png", array, str(images / "*.jpg")]))
    assert [getattr(one.source, "name", "array") for one in found] == ["b.png", "array", "a.jpg"]
    assert [one.mask.shape for one in found] == [(70, 20), (70, 20), (31, 57)]
    np.testing.assert_array_equal(found[0].mask, found[1].mask)
    for one in found:
        assert one.error is None
        assert one.probabilities is None
        assert one.written == ()
        counts = {name: (one.mask == i).mean() for i, name in enumerate(run.labels.names)}
        assert one.areas == pytest.approx({name: n for name, n in counts.items() if n})


def test_probabilities_on_request_decide_the_mask(run, images):
    (found,) = kseg.predict(run, images / "a.jpg", probabilities=True)
    assert found.probabilities.shape == (31, 57, 2)
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.probabilities.argmax(axis=-1), found.mask)


def test_the_size_that_the_network_sees_is_chosen_and_told(run):
    told = []

    class Notes(Watch):
        def shows(self, settings):
            told.append((settings.max_side, settings.resize, settings.resize_back))

    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    words = {"max_side": 16, "resize": "squash", "resize_back": "nearest"}
    (found,) = kseg.predict(run, image, progress=Notes(), probabilities=True, **words)
    assert told == [(16, "squash", "nearest")]
    engine = keras_engine(keras.models.load_model(run.model_file))
    stride = catalog.stride(run.recipe.model)
    predictor = Predictor(engine, stride=stride, temperature=run.temperature)
    small = resized_image(image, (16, 16))
    expected = next(predictor.probabilities([small])).array()
    nearest = expected.repeat(2, axis=0).repeat(4, axis=1)
    np.testing.assert_allclose(found.probabilities, nearest, atol=1e-5)
    next(kseg.predict(run, image, progress=Notes()))
    assert told[1] == (run.recipe.input.max_side, "aspect", "bilinear")


def test_several_runs_answer_together(run, workplace, tmp_path):
    other = kseg.train(
        workplace / "runs/small/recipe.yaml", seed=5, name="other", runs=tmp_path / "runs"
    )
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    one, two = (
        next(kseg.predict(each, image, probabilities=True)).probabilities for each in (run, other)
    )
    words = {"probabilities": True, "weights": [1, 3]}
    (found,) = kseg.predict([run, other], image, **words)
    np.testing.assert_allclose(found.probabilities, (one + 3 * two) / 4, atol=1e-6)
    np.testing.assert_array_equal(found.mask, found.probabilities.argmax(axis=-1))
    with pytest.raises(ArgumentError, match="one number per run, 2 in all. Received 1"):
        kseg.predict([run, other], image, weights=[1])

    # Folds by the name that theirs begin with, whatever else there is.
    for number in (1, 2, 10):
        (tmp_path / "runs" / f"all-fold{number}").symlink_to(other.path)
    (tmp_path / "runs/all-folds.json").write_text("{}")
    found = open_runs("all", tmp_path / "runs")
    assert [each.name for each in found] == ["all-fold1", "all-fold2", "all-fold10"]
    assert open_runs(None, tmp_path / "runs")
    assert [each.name for each in open_runs("other", tmp_path / "runs")] == ["other"]


def test_how_unsure_the_network_is_is_told_and_drawn(run, images, tmp_path):
    words = {"out": tmp_path / "out", "write": "uncertainty", "probabilities": True}
    (found,) = kseg.predict(run, images / "a.jpg", **words)
    doubts = 1 - found.probabilities.max(axis=-1)
    assert found.uncertainty == pytest.approx(doubts.mean(), abs=1e-5)
    drawn = np.asarray(Image.open(found.written[2]))
    assert found.written[2].name == "a_uncertainty.png"
    np.testing.assert_allclose(drawn, 255 * doubts, atol=0.51)
    (plain,) = kseg.predict(run, images / "a.jpg")
    assert plain.uncertainty == pytest.approx(found.uncertainty, abs=1e-5)


def test_runs_of_other_classes_do_not_go_together(run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    (other / "classes.json").write_text(json.dumps({"classes": ["ground", "star"]}))
    with pytest.raises(ArgumentError, match="must know the same classes.*ground, star"):
        open_runs([run, other])
    with pytest.raises(ArgumentError, match="one run at least"):
        open_runs([])


def test_a_choice_out_of_its_range_is_refused_before_the_model_is_read(run, images):
    for words in ({"max_side": 0}, {"resize": "crop"}, {"resize_back": "cubic"}):
        with pytest.raises(KsegError, match=next(iter(words))):
            kseg.predict(run, images / "a.jpg", **words)


def test_an_iterator_is_taken_as_it_comes(run, images):
    taken = []

    def given():
        for name in ("a.jpg", "b.png"):
            taken.append(name)
            yield images / name

    predictions = kseg.predict(run, given())
    assert taken == []
    next(predictions)
    assert taken == ["a.jpg"]


def test_results_keep_the_folders_of_their_images(run, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("more", "more/b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "a.png")
    first = list(kseg.predict(run, ["a.jpg", "more/../more"], out="out"))
    second = list(kseg.predict(run, tmp_path / "more/b", out="out"))
    assert [path.as_posix() for one in first + second for path in one.written] == [
        "out/a_mask.png", "out/a_overlay.png",
        "out/more/a_mask.png", "out/more/a_overlay.png",
        "out/more/b/a_mask.png", "out/more/b/a_overlay.png",
    ]  # fmt: skip
    for one in first + second:
        np.testing.assert_array_equal(np.asarray(Image.open(one.written[0])), one.mask)


def test_results_of_images_elsewhere_keep_all_folders_from_the_root(run, images, monkeypatch):
    work = images / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (found,) = kseg.predict(run, "../a.jpg", out="out")
    assert found.written[0].resolve() == (work / f"out{images}/a_mask.png").resolve()


def test_images_of_one_stem_keep_their_whole_names(run, images, monkeypatch):
    """Whichever of them are predicted, together or one after the other."""
    monkeypatch.chdir(images)
    Image.new("RGB", (8, 8)).save("a.bmp")
    array = np.zeros((8, 8, 3), np.uint8)
    found = list(kseg.predict(run, ["a.bmp", "b.png", array, array], out="out"))
    found += kseg.predict(run, "a.jpg", out="out")
    assert [one.written[0].name for one in found] == [
        "a.bmp_mask.png", "b_mask.png", "array_1_mask.png", "array_2_mask.png", "a.jpg_mask.png",
    ]  # fmt: skip


def test_results_never_land_among_the_images(run, images, monkeypatch):
    monkeypatch.chdir(images)
    (images / "deep").mkdir()
    (images / "a.jpg").rename(images / "deep/a.jpg")
    for given, out in (("b.png", "."), ("deep", "."), ("deep", "deep"), (iter(["deep"]), "deep")):
        with pytest.raises(KsegError, match="among the images"):
            list(kseg.predict(run, given, out=out))
    assert sorted(path.name for path in images.rglob("*.*")) == ["a.jpg", "b.png"]


def test_odd_files_cost_a_line_each(run, images):
    os.mkfifo(images / "pipe.png")
    (images / "loop.png").symlink_to(images / "loop.png")
    (images / "gone.png").symlink_to(images / "nowhere.png")
    (images / "folder.png").mkdir()
    found = {one.source.name: one for one in kseg.predict(run, images)}
    assert {name for name, one in found.items() if one.error is None} == {"a.jpg", "b.png"}
    assert {"pipe.png", "loop.png", "gone.png", "folder.png"} < set(found)
    (one,) = kseg.predict(run, images / "loop.png")
    assert "loop.png cannot be read" in str(one.error)


def test_what_cannot_be_read_is_an_error_of_its_own(run, images):
    (images / "c.png").write_text("no image")
    found = list(kseg.predict(run, images))
    assert [one.error is None for one in found] == [True, True, False]
    assert "c.png is not an image" in str(found[2].error)
    assert found[2].mask is None


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((4, 4), np.uint8), r"\(height, width, 3\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(height, width, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"Received uint8 \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.uint16), "uint8, or float"),
        (np.full((4, 4, 3), 0.5), "multiply by 255"),
        (np.full((4, 4, 3), np.nan), "no NaN"),
        (np.full((4, 4, 3), -1.0), "0..255"),
    ],
)
def test_an_array_that_is_no_image_is_refused(run, array, expected):
    with pytest.raises(ArgumentError, match=expected):
        list(kseg.predict(run, [array]))


def test_pixels_may_be_floats_and_images_of_pillow(run, images):
    picture = Image.open(images / "a.jpg")
    array = np.asarray(picture)
    masks = [one.mask for one in kseg.predict(run, [array, array.astype(float), picture])]
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])


def test_a_file_that_is_named_twice_is_taken_once(run, images):
    array = np.zeros((8, 8, 3), np.uint8)
    found = list(kseg.predict(run, [images / "a.jpg", array, images, array]))
    names = [getattr(one.source, "name", "array") for one in found]
    assert names == ["a.jpg", "array", "b.png", "array"]


def test_what_is_not_there_is_said_before_the_first_image(run, images):
    with pytest.raises(KsegError, match=r"none\.png does not exist"):
        kseg.predict(run, [images / "a.jpg", "none.png"])
    with pytest.raises(KsegError, match=r"\*\*\.jpg (is no pattern|does not exist)"):
        kseg.predict(run, str(images / "none/**.jpg"))
    with pytest.raises(KsegError, match="out="):
        kseg.predict(run, [images / "a.jpg"], out=images)
    with pytest.raises(KsegError, match="There is no run 'nobody'"):
        kseg.predict("nobody", images, runs=run.path.parent)


def test_what_is_there_is_not_predicted_again(run, images, tmp_path, monkeypatch):
    """Unless the image, the network or a choice is another, or it was not whole."""
    words = {"out": tmp_path / "out"}
    first = list(kseg.predict(run, images, **words))
    assert not any(one.is_kept for one in first)
    kept = list(kseg.predict(run, images, **words))
    assert all(one.is_kept for one in kept)
    for one, other in zip(first, kept, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
        assert (one.areas, one.uncertainty) == (other.areas, other.uncertainty)
        assert one.written == other.written

    def predicted(**more):
        found = kseg.predict(run, images, **words | more)
        return [one.source.name for one in found if not one.is_kept]

    assert predicted(write="uncertainty") == ["a.jpg", "b.png"]
    assert predicted() == []
    assert predicted(smallest=5) == ["a.jpg", "b.png"]
    assert predicted(smallest=5, write="uncertainty") == ["a.jpg", "b.png"]  # of another mask
    assert predicted(smallest=5) == predicted(smallest=5, write="uncertainty") == []
    assert predicted(again=True) == ["a.jpg", "b.png"]
    assert predicted(tta="flip") == ["a.jpg", "b.png"]
    assert predicted() == ["a.jpg", "b.png"]
    first[0].written[1].unlink()
    assert predicted() == ["a.jpg"]
    first[1].written[0].write_bytes(first[1].written[0].read_bytes()[:60])
    assert predicted() == ["b.png"]
    Image.new("RGB", (9, 9)).save(images / "a.jpg")
    assert predicted() == ["a.jpg"]
    os.utime(images / "b.png", (1, 1))
    assert predicted() == ["b.png"]
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    model = keras.models.load_model(other / "model.keras")
    model.set_weights([weights + 0.1 for weights in model.get_weights()])
    model.save(other / "model.keras")
    run = kseg.Run(other)
    assert predicted() == ["a.jpg", "b.png"]


def test_results_are_of_the_image_that_was_read(run, images, tmp_path, monkeypatch):
    """One that is replaced while it is predicted is predicted again, the next time."""
    words = {"out": tmp_path / "out"}
    read = files.read_image

    def replaced(path, **more):
        image = read(path, **more)
        if path.name == "a.jpg":
            Image.new("RGB", (9, 9)).save(path)
        else:
            path.unlink()
        return image

    monkeypatch.setattr(files, "read_image", replaced)
    first = list(kseg.predict(run, images, **words))
    assert [one.mask.shape for one in first] == [(31, 57), (70, 20)]
    monkeypatch.setattr(files, "read_image", read)
    (again,) = kseg.predict(run, images, **words)
    assert (again.is_kept, again.mask.shape) == (False, (9, 9))
    (images / "gone.png").symlink_to(images / "gone.png")
    (lost,) = kseg.predict(run, images / "gone.png", **words)
    assert "gone.png cannot be read" in str(lost.error)


def test_results_of_two_folders_never_have_one_place(run, images, tmp_path, monkeypatch):
    inside = tmp_path / "work" / images.relative_to(images.anchor)
    inside.mkdir(parents=True)
    shutil.copy(images / "a.jpg", inside)
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(KsegError, match="would hold the results of"):
        kseg.predict(run, [images / "a.jpg", inside / "a.jpg"], out="out")


def test_a_full_disk_ends_the_job_and_what_is_whole_is_kept(run, images, tmp_path, monkeypatch):
    out, flushed, room = tmp_path / "out", os.fsync, iter(range(3))

    def flush(handle):
        if next(room, None) is None:
            raise OSError(28, "No space left on device")
        flushed(handle)

    monkeypatch.setattr(os, "fsync", flush)
    with pytest.raises(OSError, match="No space left") as error:
        list(kseg.predict(run, images, out=out))
    assert Path(error.value.filename).is_relative_to(out)
    monkeypatch.setattr(os, "fsync", flushed)
    left = [path for path in out.rglob("*") if path.is_file()]
    assert len(left) == 3
    assert not [path for path in left if path.name.startswith(".")]
    kept = [one.is_kept for one in kseg.predict(run, images, out=out)]
    assert sorted(kept) == [False, True]  # whichever of the two was written first


def test_a_folder_is_shared_in_parts(run, images):
    for name in "cdefg":
        Image.new("RGB", (8, 8)).save(images / f"{name}.png")
    parts = [
        [one.source.name[0] for one in kseg.predict(run, images, shard=(i, 3))] for i in (1, 2, 3)
    ]
    assert parts == [["a", "d", "g"], ["b", "e"], ["c", "f"]]
    (array,) = kseg.predict(run, iter([np.zeros((8, 8, 3), np.uint8)] * 2), shard=(2, 2))
    assert array.mask.shape == (8, 8)
    for shard in ((0, 2), (3, 2)):
        with pytest.raises(ArgumentError, match=r"shard= must be \(i, n\)"):
            kseg.predict(run, images, shard=shard)


def test_many_images_keep_their_order_and_are_predicted_together(run, tmp_path, monkeypatch):
    """Images of one shape go through the network together; a broken one among them costs a line."""
    rng = np.random.default_rng(0)
    for index in range(23):
        size = (24, 32) if index != 10 else (40, 16)
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(
            tmp_path / f"{index:02}.png"
        )
    (tmp_path / "05.png").write_bytes(b"broken")
    alone = [next(kseg.predict(run, path)) for path in sorted(tmp_path.glob("*.png"))]
    groups = []
    decided = Predictor.decided

    def counted(predictor, images):
        groups.append(len(images))
        return decided(predictor, images)

    monkeypatch.setattr(Predictor, "decided", counted)
    found = list(kseg.predict(run, tmp_path, out=tmp_path / "out"))
    assert groups == [5, 4, 1, 8, 4]
    assert [one.source for one in found] == [one.source for one in alone]
    for one, other in zip(found, alone, strict=True):
        assert (one.error is None) == (other.error is None)
        if one.error is None:
            np.testing.assert_array_equal(one.mask, other.mask)
            np.testing.assert_array_equal(files.read_stored(one.written[0]), one.mask)


def test_everything_that_can_be_written_says_what_the_mask_says(run, images, tmp_path):
    out = tmp_path / "out"
    kinds = "confidence+probabilities+geojson+areas+coco"
    found = list(kseg.predict(run, images, out=out, write=kinds))
    lines = (out / "areas.csv").read_text().splitlines()
    assert lines[0] == "image,class,pixels,part,regions"
    coco = json.loads((out / "coco.json").read_text())
    assert [one["name"] for one in coco["categories"]] == list(run.labels.names)
    for number, one in enumerate(found, start=1):
        _, _, sure, told, regions = one.written
        with np.load(told) as content:
            values, names = content["probabilities"], content["classes"].tolist()
        assert names == list(run.labels.names)
        np.testing.assert_array_equal(values.argmax(axis=-1), one.mask)
        confidence = np.asarray(Image.open(sure)) / 65535
        np.testing.assert_allclose(confidence, values.max(axis=-1), atol=1e-4)
        features = json.loads(regions.read_text())["features"]
        image = coco["images"][number - 1]
        assert image["file_name"] == str(one.source)
        assert (image["height"], image["width"]) == one.mask.shape
        annotations = [each for each in coco["annotations"] if each["image_id"] == number]
        for index, name in enumerate(names):
            pixels = (one.mask == index).sum()
            own = [each for each in features if each["properties"]["class"] == name]
            assert sum(each["properties"]["pixels"] for each in own) == pixels
            areas = [each["area"] for each in annotations if each["category_id"] == index]
            assert (sum(areas), len(areas)) == (pixels, len(own))
            line = f"{one.source},{name},{pixels},{pixels / one.mask.size:.6f},{len(own)}"
            assert (line in lines) == (pixels > 0)
    again = list(kseg.predict(run, images, out=out, write=kinds))
    assert all(one.is_kept for one in again)
    assert json.loads((out / "coco.json").read_text()) == coco
    list(kseg.predict(run, images, out=out, write="areas", shard=(1, 2)))
    assert (out / "areas_1_of_2.csv").exists()
    with pytest.raises(ArgumentError, match="give out=, the folder for it"):
        kseg.predict(run, images, write="areas")
    with pytest.raises(KsegError, match=r"Unknown write 'geojsn'\. Did you mean 'geojson'"):
        kseg.predict(run, images, out=out, write="geojsn")


def test_masks_are_cleaned_where_that_is_asked(run, images, tmp_path):
    (plain,) = kseg.predict(run, images / "a.jpg")
    (found,) = kseg.predict(run, images / "a.jpg", smallest=20, largest=["box"], out=tmp_path / "o")
    expected = merge_small(keep_largest(plain.mask, [1]), 20)
    assert (expected != plain.mask).any()
    np.testing.assert_array_equal(found.mask, expected)
    np.testing.assert_array_equal(files.read_stored(found.written[0]), expected)
    with pytest.raises(ArgumentError, match=r"largest= must name classes, ground, box"):
        kseg.predict(run, images, largest=["bix"])
    with pytest.raises(ArgumentError, match="smallest="):
        kseg.predict(run, images, smallest=-1)


def test_doubt_is_measured_as_asked(run, workplace, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    plain, entropy = (
        next(kseg.predict(run, image, uncertainty=doubt)) for doubt in ("confidence", "entropy")
    )
    assert plain.uncertainty != entropy.uncertainty
    np.testing.assert_array_equal(plain.mask, entropy.mask)
    words = {"uncertainty": "disagreement", "out": tmp_path, "write": "uncertainty"}
    for source, more in ((run, {"tta": "flip"}), ([run, run], {})):
        found = next(kseg.predict(source, image, again=True, **words, **more))
        assert 0 <= found.uncertainty < entropy.uncertainty
    assert found.uncertainty == pytest.approx(0, abs=1e-6)  # a network agrees with itself
    assert np.asarray(Image.open(found.written[2])).max() == 0
    with pytest.raises(ArgumentError, match="between several answers. Give tta="):
        kseg.predict(run, image, uncertainty="disagreement")
    with pytest.raises(KsegError, match="margin"):
        kseg.predict(run, image, uncertainty="margn")
    scored = kseg.evaluate(run, split="val", tta="flip", uncertainty="disagreement", rank=True)
    assert scored.uncertainty.max() < 0.2  # an image and its mirror image say nearly the same
    plain = kseg.evaluate(run, split="val", tta="flip", rank=True)
    assert (plain.uncertainty > scored.uncertainty).all()


def test_dropout_is_asked_again_and_again(run, workplace, tmp_path):
    block = {"block": "double_convolution(dropout=0.3)", "arch": "unet", "filters": (2, 4)}
    words = {"data": workplace / "data", "size": 32, "batch_size": 3, "epochs": 1}
    dropping = kseg.train(runs=tmp_path / "runs", **words, **block)
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    words = {"tta": "dropout", "uncertainty": "disagreement"}
    one, again = (next(kseg.predict(dropping, image, **words)) for _ in range(2))
    assert one.uncertainty == again.uncertainty > 0  # by the seed of the recipe
    with pytest.raises(KsegError, match="This one has none"):
        kseg.predict(run, image, **words)
    with pytest.raises(ArgumentError, match="engine='keras'"):
        kseg.predict(dropping, image, engine="onnxruntime", **words)


def test_a_few_images_do_not_wait_for_a_frozen_engine(run, monkeypatch):
    """Nor does a large one go without it."""
    frozen = []
    monkeypatch.setattr(keras_model, "folded", lambda network: frozen.append(1) or network)
    image = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    (few,) = kseg.predict(run, image)
    assert not frozen
    (own,) = kseg.predict(run, image, resize="none")
    assert frozen
    (stream,) = kseg.predict(run, iter([image]))
    assert len(frozen) == 2  # of which there may be many
    np.testing.assert_array_equal(few.mask, stream.mask)
