"""Images of 1 to 8 channels, pixel by pixel, of each kind of file that can hold them."""

import sys

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading import bands, files
from kseg.errors import KsegError
from kseg.labels import numbered_labels

tifffile = pytest.importorskip("tifffile")


def pixels_of(channels, size=(6, 10), kind=np.uint8):
    rng = np.random.default_rng(channels)
    return rng.integers(0, np.iinfo(kind).max + 1, (*size, channels)).astype(kind)


def save(pixels, path, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def save_tiff(pixels, path, **options):
    tifffile.imwrite(
        path, pixels, **{"photometric": "minisblack", "planarconfig": "contig"} | options
    )
    return path


def test_grey_keeps_its_values_and_colour_becomes_grey(tmp_path):
    grey = pixels_of(1)[..., 0]
    read = files.read_image(save(grey, tmp_path / "grey.png"), channels=1)
    np.testing.assert_array_equal(read, grey[..., None])
    # Luma of red, green and blue as in ITU-R 601: 0.299, 0.587 and 0.114 of 255.
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    read = files.read_image(save(colors, tmp_path / "rgb.png"), channels=1)
    np.testing.assert_array_equal(read[0, :, 0], [76, 150, 29])
    deep = save(np.array([[0, 257, 65535]], np.uint16), tmp_path / "deep.png")
    np.testing.assert_array_equal(files.read_image(deep, channels=1)[0, :, 0], [0, 1, 255])


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_a_band_like_the_others(tmp_path, channels, suffix):
    pixels = pixels_of(channels)
    pixels[:3, :, -1] = 0  # nothing is weighed by it
    path = save(pixels, tmp_path / f"x.{suffix}")
    np.testing.assert_array_equal(files.read_image(path, channels=channels), pixels)


def test_a_fourth_band_changes_no_other_when_an_image_is_made_smaller(tmp_path):
    pixels = np.zeros((4, 8, 4), np.uint8)
    pixels[..., 0], pixels[:, ::2, 1], pixels[:, ::2, 3] = 200, 100, 255
    small = files.read_image(save(pixels, tmp_path / "x.png"), max_side=4, channels=4)
    # Each pixel is the mean of 2x2: 200; 100 and 0; 0; 255 and 0, rounded.
    np.testing.assert_array_equal(small, np.broadcast_to([200, 50, 0, 128], (2, 4, 4)))


@pytest.mark.parametrize("channels", [2, 4, 5, 6, 8])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_every_band_of_a_tiff_is_read(tmp_path, channels, planar, photometric):
    if photometric == "rgb" and channels < 3:
        pytest.skip("RGB has three bands at least")
    pixels = pixels_of(channels)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    path = save_tiff(stored, tmp_path / "x.tif", planarconfig=planar, photometric=photometric)
    np.testing.assert_array_equal(files.read_image(path, channels=channels), pixels)


def test_bands_of_16_bits_are_divided_by_257(tmp_path):
    pixels = np.repeat(np.array([[0, 256, 257, 65535]], np.uint16)[..., None], 6, axis=2)
    read = files.read_image(save_tiff(pixels, tmp_path / "x.tif"), channels=6)
    np.testing.assert_array_equal(read[0, :, 5], [0, 0, 1, 255])


def test_six_bands_are_made_smaller_each_by_itself(tmp_path):
    pixels = np.zeros((4, 8, 6), np.uint8)
    pixels[:] = [0, 10, 20, 30, 40, 50]
    pixels[:, ::2, 5] = 150
    small = files.read_image(save_tiff(pixels, tmp_path / "x.tif"), max_side=4, channels=6)
    np.testing.assert_array_equal(small, np.broadcast_to([0, 10, 20, 30, 40, 100], (2, 4, 6)))


def test_smaller_copies_beside_the_image_are_passed_over(tmp_path):
    pixels = pixels_of(6, (32, 32))
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for step in (1, 2):
            file.write(
                pixels[::step, ::step],
                photometric="minisblack",
                planarconfig="contig",
                subfiletype=int(step > 1),
            )
    np.testing.assert_array_equal(files.read_image(tmp_path / "x.tif", channels=6), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_as_pillow_turns_it(tmp_path, orientation):
    pixels = pixels_of(3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = files.read_image(save(pixels, tmp_path / "x.png", exif=exif))
    np.testing.assert_array_equal(bands.upright(pixels, orientation), turned)
    extra = [(0x0112, "H", 1, orientation, True)]
    six = save_tiff(np.dstack([pixels, pixels]), tmp_path / "x.tif", extratags=extra)
    np.testing.assert_array_equal(files.read_image(six, channels=6)[..., 3:], turned)
    mask = save(turned[..., 0], tmp_path / "mask.png")
    assert files.check_sizes(six, mask, channels=6) == turned.shape[:2]
    with pytest.raises(KsegError, match=r"holds 6 bands; a .* kseg.train\(channels=6\) reads 6"):
        files.read_image(six)


@pytest.mark.parametrize(
    ("found", "suffix", "channels"),
    [(3, "png", 4), (4, "png", 2), (3, "jpg", 6), (1, "png", 2), (6, "tif", 4), (4, "tif", 8)],
)
def test_another_number_of_bands_is_refused(tmp_path, found, suffix, channels):
    path, pixels = tmp_path / f"x.{suffix}", pixels_of(found)
    if suffix == "tif":
        save_tiff(pixels, path)
    else:
        save(pixels if found > 1 else pixels[..., 0], path)
    expected = rf"x\.{suffix} has {found} band\(s\); expected {channels}\..*channels={found}\)"
    with pytest.raises(ValueError, match=expected):
        files.read_image(path, channels=channels)


def test_ink_frames_and_other_pixels_are_no_bands(tmp_path):
    Image.new("CMYK", (8, 6)).save(tmp_path / "ink.tif")
    Image.new("CMYK", (8, 6)).save(tmp_path / "ink.jpg")
    for name in ("ink.tif", "ink.jpg"):
        with pytest.raises(ValueError, match="holds CMYK, which is ink"):
            files.read_image(tmp_path / name, channels=4)
    pages = np.zeros((6, 32, 32), np.uint8)
    tifffile.imwrite(tmp_path / "many.tif", pages, photometric="minisblack")
    with pytest.raises(ValueError, match=r"many\.tif has 6 frames; expected one, of 6 bands"):
        files.read_image(tmp_path / "many.tif", channels=6)
    path = save_tiff(np.zeros((4, 4, 6), np.float32), tmp_path / "real.tif")
    with pytest.raises(ValueError, match=r"real\.tif holds pixels of type float32"):
        files.read_image(path, channels=6)
    (tmp_path / "text.tif").write_text("this is no image")
    with pytest.raises(ValueError, match=r"text\.tif cannot be read"):
        files.read_image(tmp_path / "text.tif", channels=6)


@pytest.mark.parametrize("channels", [0, 9, 2.5])
def test_a_number_of_channels_that_no_image_has_is_refused(tmp_path, channels):
    path = save(pixels_of(3), tmp_path / "x.png")
    with pytest.raises(ValueError, match="channels must be"):
        files.read_image(path, channels=channels)


def test_too_many_pixels_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_PIXELS", 59)
    path = save_tiff(pixels_of(6), tmp_path / "x.tif")
    with pytest.raises(ValueError, match="has 10x6 pixels, over 59"):
        files.read_image(path, channels=6)


def test_without_tifffile_a_sentence_says_what_installs_it(tmp_path, monkeypatch):
    path = save_tiff(pixels_of(6), tmp_path / "x.tif")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ValueError, match="^Reading an image of 6 channels needs tifffile, which"):
        files.read_image(path, channels=6)


def test_pairs_are_read_and_checked_with_their_channels(tmp_path):
    pixels, labels = pixels_of(6), numbered_labels(2)
    image = save_tiff(pixels, tmp_path / "x.tif")
    mask = save(np.eye(6, 10, dtype=np.uint8), tmp_path / "m.png")
    read, indices = files.read_pair(image, mask, labels, channels=6)
    np.testing.assert_array_equal(read, pixels)
    np.testing.assert_array_equal(indices, np.eye(6, 10))
    read, indices = files.read_pair(image, mask, labels, max_side=5, channels=6)
    assert (read.shape, indices.shape) == ((3, 5, 6), (3, 5))
    files.check_pair(image, mask, channels=6)
    other = save(np.zeros((6, 9), np.uint8), tmp_path / "other.png")
    with pytest.raises(ValueError, match=r"other\.png is 6x9 pixels, but its image .* is 6x10"):
        files.check_pair(image, other, channels=6)
