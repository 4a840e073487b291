"""TIFF files by rows: what `files.read_image` reads, and files that tools read again."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading import files, strips
from kseg.errors import KsegError
from kseg.labels import Labels

tifffile = pytest.importorskip("tifffile")
RNG = np.random.default_rng(0)
LABELS = Labels(("ground", "box"), colors=((0, 0, 0), (200, 10, 60)))


def written(path, shape, **words):
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    tifffile.imwrite(path, pixels, **words)
    return path


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((70, 53, 3), {"photometric": "rgb", "rowsperstrip": 8}),
        ((70, 53, 3), {"photometric": "rgb", "tile": (16, 32), "compression": "zlib"}),
        ((70, 53, 4), {"photometric": "rgb", "tile": (32, 16), "extrasamples": ["unassalpha"]}),
        ((70, 53), {"photometric": "minisblack", "rowsperstrip": 70}),
        ((70, 53), {"photometric": "miniswhite", "tile": (16, 16)}),
        ((70, 53), {"photometric": "palette", "colormap": np.arange(768).reshape(3, 256) * 80}),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_rows_are_those_of_the_whole_image(tmp_path, shape, words, channels):
    path = written(tmp_path / "a.tif", shape, **words)
    whole = files.read_image(path, channels=channels)
    with strips.Strips(path, channels) as found:
        assert found.shape == (70, 53, channels)
        for rows in (slice(0, 70), slice(0, 1), slice(15, 33), slice(64, 70), slice(69, 90)):
            np.testing.assert_array_equal(found[rows], whole[rows])


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_of_one_long_strip_the_rows_alone_are_read(tmp_path, byteorder):
    pixels = RNG.integers(0, 2**16, (70, 53, 3), dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", byteorder=byteorder, rowsperstrip=70)
    taken = []
    with strips.Strips(path) as found:
        file = found._file

        def counted(size):
            taken.append(size)
            return file.filehandle.read(size)

        handle = SimpleNamespace(seek=file.filehandle.seek, read=counted)
        found._file = SimpleNamespace(filehandle=handle, byteorder=file.byteorder, close=file.close)
        np.testing.assert_array_equal(found[7:9], (pixels[7:9] / 257).astype(np.uint8))
    assert taken == [2 * 53 * 3 * 2]


def test_strips_too_long_to_unpack_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(strips, "MOST_IN_A_STRIP", 70 * 53 * 3 - 1)
    words = {"photometric": "rgb", "compression": "zlib"}
    whole = written(tmp_path / "whole.tif", (70, 53, 3), rowsperstrip=70, **words)
    with pytest.raises(KsegError, match="whole.tif .*save it in tiles"):
        strips.Strips(whole)
    strips.Strips(written(tmp_path / "tiles.tif", (70, 53, 3), tile=(16, 16), **words))


def test_bands_and_sixteen_bits(tmp_path):
    pixels = RNG.integers(0, 2**16, (40, 30, 5), dtype=np.uint16)
    words = {"photometric": "minisblack", "planarconfig": "contig", "tile": (16, 16)}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **words)
    with strips.Strips(tmp_path / "a.tif", 5) as found:
        np.testing.assert_array_equal(found[3:29], (pixels[3:29] / 257).astype(np.uint8))
    with pytest.raises(KsegError, match=r"a\.tif has 5 band\(s\); expected 4"):
        strips.Strips(tmp_path / "a.tif", 4)


def test_what_cannot_be_read_by_rows_is_said(tmp_path):
    turned = written(tmp_path / "turned.tif", (8, 8, 3), extratags=[(274, "H", 1, 6, True)])
    apart = written(tmp_path / "apart.tif", (3, 8, 8), photometric="rgb", planarconfig="separate")
    floats = tmp_path / "floats.tif"
    tifffile.imwrite(floats, np.zeros((8, 8), np.float32))
    pages = tmp_path / "pages.tif"
    tifffile.imwrite(pages, np.zeros((2, 8, 8), np.uint8), photometric="minisblack")
    none = tmp_path / "none.tif"
    none.write_text("none")
    for path, said in (
        (turned, "is rotated, or holds its bands one after the other"),
        (apart, "is rotated, or holds its bands one after the other"),
        (floats, "holds pixels of type float32"),
        (pages, "has 2 frames; expected one"),
        (none, "none.tif cannot be read"),
    ):
        with pytest.raises(KsegError, match=f"{path.name}.*{said.split('.tif ')[-1]}"):
            strips.Strips(path)
    cut = written(tmp_path / "cut.tif", (64, 64, 3), photometric="rgb", compression="zlib")
    cut.write_bytes(cut.read_bytes()[:-3000])
    with pytest.raises(KsegError, match=r"cut\.tif cannot be read"), strips.Strips(cut) as found:
        found[0:64]


def test_only_a_tiff_of_many_pixels_is_large(tmp_path, monkeypatch):
    path = written(tmp_path / "a.tif", (20, 30, 3), photometric="rgb")
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / "none.tif").write_text("none")
    assert not strips.is_large(path)
    monkeypatch.setattr(strips, "MAX_PIXELS", 599)
    assert strips.is_large(path)
    assert not strips.is_large(tmp_path / "a.png")
    assert not strips.is_large(tmp_path / "none.tif")


def test_masks_are_written_in_tiles_that_any_tool_reads(tmp_path):
    mask = RNG.integers(0, 2, (300, 530), dtype=np.uint8)
    strips.write_tiles(tmp_path / "mask.tif", mask, LABELS, note="made by a test")
    with Image.open(tmp_path / "mask.tif") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), LABELS.colorize(mask))
    np.testing.assert_array_equal(files.read_mask(tmp_path / "mask.tif", LABELS), mask)
    assert strips.read_note(tmp_path / "mask.tif") == "made by a test"
    strips.write_tiles(tmp_path / "grey.tif", mask * 255)
    with Image.open(tmp_path / "grey.tif") as image:
        assert (image.mode, strips.read_note(tmp_path / "grey.tif")) == ("L", "")
        np.testing.assert_array_equal(np.asarray(image), mask * 255)
