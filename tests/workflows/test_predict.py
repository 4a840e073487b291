"""`kseg.predict`: files, folders, patterns and arrays to masks, one after the other."""

import os

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.errors import ArgumentError, KsegError


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
    with pytest.raises(KsegError, match="out="):
        kseg.predict(run, [images / "a.jpg"], out=images)
    with pytest.raises(KsegError, match="There is no run 'nobody'"):
        kseg.predict("nobody", images, runs=run.path.parent)
