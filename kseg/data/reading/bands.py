"""Images whose bands are data, none of them a colour to convert: two, or four and more.

Bands are read as the file holds them, and made smaller one by one, for Pillow weighs the others by
a band that it takes for alpha. It also drops bands of a TIFF that it does not know, so that such
files are read by tifffile.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kseg.errors import KsegError

if TYPE_CHECKING:
    import tifffile

MOST = 8
"""Bands of an image that can be read."""
INK = 5
"""TIFF's number for CMYK."""
ORIENTATION = 274
"""TIFF's number for the tag that EXIF shares."""
TURNED = (5, 6, 7, 8)
"""Orientations that swap height and width."""


def of_image(image: Image.Image, channels: int) -> np.ndarray:
    """Return the bands of an image of Pillow's, uint8, `(height, width, channels)`.

    Raises:
        KsegError: It has another number of bands, or they are ink.
    """
    _check_count(len(image.getbands()), channels)
    _check_light(image.mode == "CMYK")
    return np.asarray(image)


def reader_of(count: int) -> str:
    """Return what reads so many bands, as the rest of a sentence on a file that holds them."""
    if count > MOST:
        return f"up to {MOST} can be read"
    return f"a network of kseg.train(channels={count}) reads {count}"


def count_of(path: Path) -> int:
    """Return the number of bands of a TIFF."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        return file.pages.first.aspage().samplesperpixel


def size_of(path: Path) -> tuple[int, int]:
    """Return `(height, width)` of a TIFF, the rotation applied."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first.aspage()
        size = page.imagelength, page.imagewidth
        return size[::-1] if orientation_of(page) in TURNED else size


def write_tiff(path: Path, pixels: np.ndarray) -> None:
    """Write bands, uint8, `(height, width, channels)`, as they are."""
    import tifffile

    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig", metadata=None)


def read_tiff(path: Path, channels: int, most: int) -> tuple[np.ndarray, int]:
    """Read the bands of a TIFF, and its orientation; 16 bits are divided by 257.

    Args:
        path: The file.
        channels: The number of bands that it must have.
        most: The largest number of pixels.

    Returns:
        Uint8, shape `(height, width, channels)`, the rotation applied; and the EXIF orientation, 1
        to 8, where 1 is upright.

    Raises:
        KsegError: The file has another number of bands, more than one frame beside smaller copies,
            too many pixels, or pixels of neither 8 nor 16 bits.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = only_page(file, channels)
        if page.imagelength * page.imagewidth > most:
            raise KsegError(f"has {page.imagewidth}x{page.imagelength} pixels, over {most:,}")
        check_page(page, channels)
        pixels = page.asarray()
        turned = orientation_of(page)
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.dtype == np.uint16:
        pixels = (pixels / 257).astype(np.uint8)
    return np.ascontiguousarray(upright(pixels, turned)), turned


def only_page(file: "tifffile.TiffFile", channels: int) -> "tifffile.TiffPage":
    """Return the page that a TIFF holds, beside smaller copies of it.

    Raises:
        KsegError: It holds several.
    """
    pages = [page.aspage() for page in file.pages]
    frames = [page for page in pages if not page.is_reduced]
    if len(frames) != 1:
        raise KsegError(f"has {len(frames)} frames; expected one, of {channels} bands")
    return frames[0]


def check_page(page: "tifffile.TiffPage", channels: int | None) -> None:
    """Refuse ink, other pixels than of 8 or 16 bits, and another number of bands than so many.

    Raises:
        KsegError: It is one of these.
    """
    if channels is not None:
        _check_count(page.samplesperpixel, channels)
    _check_light(page.photometric == INK)
    if page.dtype not in (np.uint8, np.uint16):
        raise KsegError(f"holds pixels of type {page.dtype}; save it with 8 or 16 bits")


def orientation_of(page: "tifffile.TiffPage") -> int:
    """Return the EXIF orientation of a page, 1 to 8."""
    turned = page.tags.valueof(ORIENTATION, 1)
    return turned if turned in range(1, 9) else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation, 1 to 8, to pixels, `(height, width, channels)`."""
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _check_count(found: int, channels: int) -> None:
    """Refuse another number of bands."""
    if found != channels:
        raise KsegError(
            f"has {found} band(s); expected {channels}. Save as many in the file, 5 and more as "
            f"TIFF; {reader_of(found)}"
        )


def _check_light(is_ink: bool) -> None:
    """Refuse CMYK: four amounts of ink are a picture, not four bands of data."""
    if is_ink:
        raise KsegError("holds CMYK, which is ink; save it as RGB, and read it by channels=3")
