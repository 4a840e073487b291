"""Crops: where they lie, that they cover all, and that nothing black comes in."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kseg.data.reading.files import read_image
from kseg.data.tools.tiling import Cut, crop, grid_starts, tile


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(1, 100), st.data())
def test_a_grid_covers_the_axis_and_overlaps_enough(whole, side, data):
    overlap = data.draw(st.integers(0, side - 1))
    starts = grid_starts(whole, side, overlap)
    assert starts[0] == 0
    assert starts[-1] == max(0, whole - side)
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (steps <= side - overlap + 0.5).all()


def test_five_are_the_corners_and_the_centre():
    image = np.dstack(np.indices((50, 70))).astype(np.uint8)
    cut = Cut("five", (20, 30))
    corners = [
        tuple(crop(image, window, cut.size, smooth=False)[0, 0].tolist())
        for window in cut.windows((50, 70), "a")
    ]
    assert corners == [(0, 0), (0, 40), (30, 0), (30, 40), (15, 20)]


@pytest.mark.parametrize("size", [(100, 140), (64, 64), (41, 140)])
def test_turned_windows_lie_wholly_inside(size):
    image = np.full((*size, 3), 200, np.uint8)
    mask = np.full(size, 3, np.uint8)
    cut = Cut("rotations", (40, 48), count=40, angle=45)
    windows = list(cut.windows(size, "a"))
    assert len(windows) == 40
    for window in windows:
        assert (crop(image, window, cut.size, smooth=True) == 200).all()
        assert (crop(mask, window, cut.size, smooth=False) == 3).all()
    angles = [abs(window[2]) for window in windows]
    assert max(angles) <= 45
    if size == (100, 140):
        assert np.mean(angles) == pytest.approx(22.5, abs=6)
    assert windows == list(cut.windows(size, "a"))
    assert windows != list(cut.windows(size, "b"))


def test_a_turned_crop_turns_about_its_centre():
    image = np.zeros((101, 101), np.uint8)
    image[50, 50:90] = 255  # a line from the centre to the right
    turned = crop(image, (50.5, 50.5, 90.0), (61, 61), smooth=False)
    line = np.argwhere(turned == 255)
    assert (line[:, 1] == 30).all()
    assert len(line) == 31


def test_wrong_cuts_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'grid'"):
        Cut("gird")
    with pytest.raises(ValueError, match="overlap must be below"):
        Cut("grid", (20, 30), 20)


def cut_into(data, out, size=(16, 16)):
    return tile(data, out, Cut(size=size))


def test_a_pair_that_changed_is_cut_again(rectangles, tmp_path):
    out = tmp_path / "out"
    count = cut_into(rectangles, out)
    crops = sorted(out.glob("train/images/0_*.png"))
    before = [path.read_bytes() for path in crops]
    other = out / "train/images/1_000.png"
    written = other.stat().st_mtime_ns
    assert cut_into(rectangles, out) == count
    assert other.stat().st_mtime_ns == written
    Image.new("RGB", (48, 40), (250, 0, 0)).save(rectangles / "train/images/0.png")
    assert cut_into(rectangles, out) == count
    assert all((np.asarray(Image.open(path)) == (250, 0, 0)).all() for path in crops), (
        "crops of the old image"
    )
    assert before != [path.read_bytes() for path in crops]
    assert other.stat().st_mtime_ns == written


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_every_band_is_kept(tmp_path, channels):
    """None is weighed by another one, turned or not."""
    bands = np.zeros((40, 48, channels), np.uint8)
    bands[:] = np.arange(channels) * 40 + 10
    bands[20:, :, 0] = 0  # which Pillow would take for nothing, were it an alpha
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/masks").mkdir()
    contig = {"planarconfig": "contig"} if channels > 1 else {}
    tifffile.imwrite(
        tmp_path / "data/images/0.tif", bands.squeeze(), photometric="minisblack", **contig
    )
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(tmp_path / "data/masks/0.png")
    (tmp_path / "data/classes.json").write_text('{"classes": ["ground", "box"]}')
    for how, count in (("grid", 9), ("rotations", 3)):
        cut = Cut(how, (16, 20), count=count)
        assert tile(tmp_path / "data", tmp_path / how, cut, channels=channels) == count
        for path in (tmp_path / how / "images").iterdir():
            assert path.suffix == (".tif" if channels > 4 else ".png")
            found = read_image(path, channels=channels)
            assert found.shape == (16, 20, channels)
            assert (found[..., 1:] == bands[0, 0, 1:]).all()
    first = read_image(sorted((tmp_path / "grid/images").iterdir())[3], channels=channels)
    np.testing.assert_array_equal(first, bands[12:28, :20])


def test_crops_mix_with_nothing(rectangles, tmp_path):
    for out in (rectangles, rectangles / "train", rectangles.parent):
        with pytest.raises(ValueError, match="lie in each other"):
            cut_into(rectangles, out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/classes.json").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        cut_into(rectangles, tmp_path / "other")
    assert (tmp_path / "other/classes.json").read_text() == "mine"


def test_a_crop_that_is_too_large_leaves_nothing_behind(rectangles, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"is 40x48, smaller than a crop of 44x16"):
        cut_into(rectangles, out, (44, 16))
    assert not out.exists()
    assert cut_into(rectangles, out) > 0
    with pytest.raises(ValueError, match="holds crops of other images or classes, or another cut"):
        cut_into(rectangles, out, (20, 20))
