"""Image and mask files: real ones of each kind, and broken ones."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading import files
from kseg.errors import KsegError
from kseg.labels import Labels

LABELS = Labels(("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))
INDICES = np.array([[0, 1, 2], [255, 1, 0]], np.uint8)


def save(array, path, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_images_come_back(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = save(
        pixels, tmp_path / f"x.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    np.testing.assert_array_equal(files.read_image(path), pixels)
    assert files.header_of(path)[0] == (5, 7)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
def test_other_modes_become_rgb(tmp_path, mode):
    grey = np.full((4, 6, 3), 255, np.uint8)
    suffix = "tif" if mode == "CMYK" else "png"
    image = files.read_image(save(grey, tmp_path / f"x.{suffix}", mode))
    np.testing.assert_array_equal(image, grey)


def test_16_bit_grey_keeps_its_range(tmp_path):
    path = save(np.array([[0, 257, 65535]], np.uint16), tmp_path / "x.png")
    np.testing.assert_array_equal(files.read_image(path)[0, :, 0], [0, 1, 255])


def test_exif_rotation_is_applied(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(pixels, tmp_path / "x.png", exif=exif)
    assert files.header_of(path)[0] == (6, 4)
    np.testing.assert_array_equal(files.read_image(path)[:, 0, 0], [255] * 3 + [0] * 3)


def test_large_images_and_masks_shrink_alike(tmp_path):
    pixels = np.zeros((300, 600, 3), np.uint8)
    image = files.read_image(save(pixels, tmp_path / "x.jpg"), max_side=100)
    mask = files.read_mask(save(pixels[..., 0], tmp_path / "m.png"), LABELS, max_side=100)
    assert image.shape == (50, 100, 3)
    assert mask.shape == (50, 100)


@pytest.mark.parametrize("size", [(257, 512), (681, 1024), (1028, 2048), (333, 777)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_decoded_at_a_reduced_scale_keeps_its_masks_size(tmp_path, size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(np.zeros((*size, 3), np.uint8), tmp_path / "x.jpg", exif=exif)
    turned = size if orientation == 1 else size[::-1]
    mask = files.read_mask(save(np.zeros(turned, np.uint8), tmp_path / "m.png"), LABELS, 256)
    assert files.read_image(path, 256).shape[:2] == mask.shape


def test_floating_point_masks_are_refused(tmp_path):
    path = save(np.zeros((4, 4), np.float32), tmp_path / "m.tif")
    with pytest.raises(ValueError, match="floating-point"):
        files.read_mask(path, LABELS)


def test_shrinking_a_mask_invents_no_class(tmp_path):
    mask = np.repeat(np.array([[0, 2]], np.uint8), 50, axis=1).repeat(100, axis=0)
    path = save(mask, tmp_path / "m.png")
    assert set(np.unique(files.read_mask(path, LABELS, max_side=33))) == {0, 2}


@pytest.mark.parametrize("mode", [None, "P"])
def test_masks_keep_their_indices(tmp_path, mode):
    path = tmp_path / "m.png"
    if mode == "P":
        files.write_mask(path, INDICES, LABELS)
        assert Image.open(path).mode == "P"
        np.testing.assert_array_equal(files.read_image(path)[0, 1], (255, 0, 0))
    else:
        save(INDICES, path)
    np.testing.assert_array_equal(files.read_mask(path, LABELS), INDICES)
    np.testing.assert_array_equal(files.read_values(path), [0, 1, 2, 255])


@pytest.mark.parametrize("bits", [2, 4])
def test_greys_of_few_bits_keep_their_values(tmp_path, bits):
    """Pillow writes palettes of few bits, so the file is turned into a grey one by its header."""
    values = np.random.default_rng(0).integers(0, 2**bits, (4, 8), dtype=np.uint8)
    rows = b"".join(b"\0" + pack(row, bits) for row in values)
    (tmp_path / "m.png").write_bytes(grey_png(8, 4, bits, rows))
    np.testing.assert_array_equal(files.read_stored(tmp_path / "m.png"), values)


def pack(row, bits):
    joined = "".join(f"{value:0{bits}b}" for value in row)
    return int(joined, 2).to_bytes(len(joined) // 8, "big")


def grey_png(width, height, bits, rows):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_phones_jpeg_with_a_preview_is_its_first_image(tmp_path):
    first, second = (Image.new("RGB", (8, 6), color) for color in ("red", "blue"))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    image = files.read_image(tmp_path / "a.jpg")
    assert image[..., 0].min() > 240
    with pytest.raises(ValueError, match="is a MPO file, whose compression"):
        files.read_stored(tmp_path / "a.jpg")


@pytest.mark.parametrize("options", [{"format": "WEBP"}, {"format": "TIFF", "compression": "jpeg"}])
def test_compressed_masks_are_refused_whatever_their_name(tmp_path, options):
    Image.new("L", (16, 16)).save(tmp_path / "m.png", **options)
    with pytest.raises(ValueError, match="whose compression changes class indices"):
        files.read_stored(tmp_path / "m.png")


def test_a_postscript_file_is_not_opened_by_another_name(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", format="EPS")
    with pytest.raises(ValueError, match="not an image that can be read"):
        files.read_image(tmp_path / "a.png")


def test_one_bit_masks_are_zero_and_one(tmp_path):
    path = save(np.array([[0, 255]], np.uint8), tmp_path / "m.png", "1")
    np.testing.assert_array_equal(files.read_mask(path, LABELS), [[0, 1]])


def test_black_and_white_masks_by_their_values(tmp_path):
    labels = Labels(("ground", "box"), values={0: 0, 255: 1})
    path = save(np.array([[0, 255]], np.uint8), tmp_path / "m.png")
    np.testing.assert_array_equal(files.read_mask(path, labels), [[0, 1]])


def test_colour_masks_by_the_palette(tmp_path):
    path = save(LABELS.colorize(INDICES), tmp_path / "m.png")
    np.testing.assert_array_equal(files.read_mask(path, LABELS), INDICES)


def test_an_unknown_colour_is_named(tmp_path):
    path = save(np.full((2, 2, 3), 77, np.uint8), tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m\.png holds colours .*\(77, 77, 77\).*palette"):
        files.read_mask(path, LABELS)


def test_a_value_outside_the_classes_is_named(tmp_path):
    path = save(np.array([[0, 7]], np.uint8), tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m\.png holds the values \[7\]; expected 0 to 2, or 255"):
        files.read_mask(path, LABELS)


def test_a_jpeg_mask_is_refused_whatever_it_is_called(tmp_path):
    path = tmp_path / "m.png"
    Image.fromarray(INDICES).save(path, format="JPEG")
    with pytest.raises(ValueError, match=r"m\.png is a JPEG"):
        files.read_mask(path, LABELS)


def truncated(path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    save(pixels, path)
    path.write_bytes(path.read_bytes()[:1500])


def text(path):
    path.write_text("this is no image")


def empty(path):
    path.write_bytes(b"")


def animated(path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("suffix", "make", "expected"),
    [
        ("jpg", truncated, "cannot be read: .*truncated"),
        ("png", truncated, "cannot be read"),
        ("png", text, "is not an image"),
        ("png", empty, "is not an image"),
        ("tif", animated, "has 2 frames"),
    ],
)
def test_broken_files_are_named(tmp_path, suffix, make, expected):
    path = tmp_path / f"broken.{suffix}"
    make(path)
    with pytest.raises(ValueError, match=rf"broken\.{suffix} .*{expected}"):
        files.read_image(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.png cannot be read: No such file"):
        files.read_image(tmp_path / "none.png")


def test_image_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_PIXELS", 99)
    path = save(np.zeros((10, 10, 3), np.uint8), tmp_path / "x.png")
    with pytest.raises(ValueError, match="has 10x10 pixels, over 99"):
        files.read_image(path)


def test_a_pipe_is_not_waited_for_and_a_loop_of_links_not_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(KsegError, match=r"pipe\.png is a folder, a pipe or a device"):
        files.read_image(tmp_path / "pipe.png")
    with pytest.raises(KsegError, match=r"loop\.png cannot be read"):
        files.read_image(tmp_path / "loop.png")
