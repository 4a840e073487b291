"""`kseg.predict`: files, folders, patterns and arrays to masks, one after the other."""

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


def test_results_are_written_on_request_and_numbered(run, images, tmp_path):
    (tmp_path / "more").mkdir()
    (images / "b.png").rename(tmp_path / "more/a.png")
    out = tmp_path / "out"
    found = list(kseg.predict(run, [images / "a.jpg", tmp_path / "more"], out=out))
    assert [path.name for one in found for path in one.written] == [
        "a_mask.png", "a_overlay.png", "a_2_mask.png", "a_2_overlay.png",
    ]  # fmt: skip
    for one in found:
        np.testing.assert_array_equal(np.asarray(Image.open(one.written[0])), one.mask)


def test_a_thousand_images_of_one_name_are_named_quickly():
    from pathlib import Path

    from kseg.workflows.predict import _Names

    names = _Names()
    given = [names.of(Path(f"{number}/image.png")) for number in range(1000)]
    assert given[:3] == ["image", "image_2", "image_3"]
    assert len(set(given)) == 1000
    assert names._next["image"] == 999  # one look per name, not one per name before it


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
