"""A thousand damaged or odd files: each is read rightly or refused with a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kseg.data.reading import files

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

SHAPE = (24, 32)
FORMATS = {
    "jpg": ("RGB", "L", "CMYK"),
    "png": ("RGB", "RGBA", "P", "L", "LA", "1", "I;16"),
    "tif": ("RGB", "L", "1", "I;16", "F", "CMYK"),
    "bmp": ("RGB", "P", "1"),
    "webp": ("RGB", "RGBA"),
}


def encoded(suffix, mode):
    """A whole file of noise in a mode."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8))
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 2**16, SHAPE).astype(np.uint16))
    else:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
    return buffer.getvalue()


def truncated(rng, data):
    return data[: rng.integers(0, len(data))]


def flipped(rng, data):
    data = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 6)):
        data[place] ^= 1 << rng.integers(8)
    return bytes(data)


def overwritten(rng, data):
    """Noise over some bytes near the start, where headers are."""
    start, length = rng.integers(0, min(64, len(data))), rng.integers(1, 9)
    return data[:start] + rng.bytes(int(length)) + data[start + length :]


def cut_out(rng, data):
    start, end = sorted(rng.integers(0, len(data), 2).tolist())
    return data[:start] + data[end:]


def extended(rng, data):
    return data + rng.bytes(int(rng.integers(1, 200)))


def spliced(rng, data):
    return data[: len(data) // 2] + encoded("png", "L")[: rng.integers(1, 300)]


DAMAGES = (truncated, flipped, overwritten, cut_out, extended, spliced)


def read_or_refused(read, path):
    """Return an array, or the sentence of a refusal."""
    try:
        return read(path)
    except ValueError as error:
        assert path.name in str(error)
        assert "\n" not in str(error)
        return str(error)


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_files_are_read_or_refused(suffix, tmp_path):
    rng = np.random.default_rng(len(suffix))
    path, refused = tmp_path / f"file.{suffix}", 0
    for mode in FORMATS[suffix]:
        whole = encoded(suffix, mode)
        for number in range(1000 // (len(FORMATS) * len(FORMATS[suffix]))):
            path.write_bytes(DAMAGES[number % len(DAMAGES)](rng, whole))
            image = read_or_refused(files.read_image, path)
            mask = read_or_refused(files.read_stored, path)
            if isinstance(image, str):
                refused += 1
            else:
                assert image.dtype == np.uint8
                assert image.shape[2] == 3
                assert image.shape[0] * image.shape[1] <= files.MAX_PIXELS
            assert isinstance(mask, str) or mask.dtype.kind in "ui"
    assert refused > 20


@pytest.mark.parametrize("suffix", FORMATS)
def test_whole_files_of_every_mode_follow_the_rules(suffix, tmp_path):
    for mode in FORMATS[suffix]:
        path = tmp_path / f"file.{suffix}"
        path.write_bytes(encoded(suffix, mode))
        if mode == "F":
            assert "32-bit pixels" in read_or_refused(files.read_image, path)
        else:
            assert files.read_image(path).shape == (*SHAPE, 3)


def png_of(width, height):
    """A PNG that promises a size, and holds a line."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    line = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", line) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 2), (0, 5), (13_000, 13_000)])
def test_bombs_are_refused_by_their_header(size, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(*size))
    for read in (files.read_image, files.read_stored, files.header_of):
        assert isinstance(read_or_refused(read, path), str)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"GIF89a", b"<svg/>", b"%PDF-1.4", b"PK\x03\x04", b"II*\0\xff\xff"],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_other_files_are_refused(content, suffix, tmp_path):
    path = tmp_path / f"odd.{suffix}"
    path.write_bytes(content)
    assert isinstance(read_or_refused(files.read_image, path), str)


def test_folders_and_missing_files_are_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("folder.png", "nowhere.png"):
        assert isinstance(read_or_refused(files.read_image, tmp_path / name), str)
