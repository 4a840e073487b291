"""Image and mask files, read and written by Pillow, which keeps the indices of a mask.

Rules for what is not 8-bit RGB: grey becomes three equal channels, palettes their colours, CMYK is
converted, an alpha channel is dropped, 16-bit grey is divided by 257. Several frames are refused,
but for the JPEGs of phones that hold a preview beside the image (MPO), of which the first is taken;
and so is a file of more than `MAX_PIXELS`. The EXIF rotation is applied.

Images are read with 1 to 8 channels. For 1 they are read so too, and colour becomes grey, as it is
seen. For 2, and for 4 and more, every band is data: a file must have exactly so many, a fourth is
no alpha to drop, and CMYK is refused; with TIFF they are read by tifffile, which must be installed.
"""

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps
from PIL.Image import Resampling
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import SAMPLESPERPIXEL, TiffImageFile

from kseg import _checks, _extras, _files
from kseg.data.reading import bands
from kseg.data.resizing import resized_image, shown_size
from kseg.errors import KsegError
from kseg.labels import Labels

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
TIFF_SUFFIXES = (".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")  # of which JPEG finds MPO
MAX_PIXELS = 150_000_000
MOST_OF_PILLOW = 4
"""Images of more channels are TIFFs, written by tifffile."""
NOTE = "kseg"
FAST = 1
"""How much a PNG is packed: a photo is written four times as fast as by default, noise six times,
and is a tenth to a third larger."""

# A damaged EXIF tag is not the pixels'; too large an image is refused below.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_image(path: Path, max_side: int | None = None, channels: int = 3) -> np.ndarray:
    """Read an image: as grey, as RGB, or as so many bands as it has.

    Args:
        path: A file of one of `IMAGE_SUFFIXES`.
        max_side: Make a larger image so small that its longer side is `max_side`; a JPEG is then
            decoded at a reduced scale.
        channels: 1 for grey, 3 for RGB, or the number of bands, up to 8, that the file must have.

    Returns:
        Uint8, shape `(height, width, channels)`.

    Raises:
        KsegError: The file is not a whole image of one frame within `MAX_PIXELS`, or has another
            number of bands.
    """
    return read_upright(path, max_side, channels).pixels


class Upright(NamedTuple):
    """An image that was read, and what its file says of it.

    Attributes:
        pixels: Uint8, shape `(height, width, channels)`, the rotation applied.
        size: `(height, width)` before it was made smaller, the rotation applied.
        orientation: Its EXIF orientation, 1 to 8, where 1 is upright.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    orientation: int


def read_upright(path: Path, max_side: int | None = None, channels: int = 3) -> Upright:
    """Read an image as `read_image` does, with its full size and orientation."""
    _checks.count(channels, bands.MOST, "channels")
    if not _is_of_bands(path, channels):
        with _opened(path) as image:
            size, orientation = _upright_size(image)[::-1], _orientation(image)
            return Upright(_pixels(image, max_side, channels), size, orientation)
    with named(path):
        pixels, orientation = bands.read_tiff(path, channels, MAX_PIXELS)
    size = pixels.shape[:2]
    if max_side is not None:
        pixels = resized_image(pixels, shown_size(size, max_side))
    return Upright(pixels, size, orientation)


def _is_of_bands(path: Path, channels: int) -> bool:
    """Tell whether a file is to be read by tifffile, and have it there."""
    if channels in (1, 3) or path.suffix.lower() not in TIFF_SUFFIXES:
        return False
    _extras.require("tifffile", "tifffile", f"Reading an image of {channels} channels")
    return True


def read_mask(path: Path, labels: Labels, max_side: int | None = None) -> np.ndarray:
    """Read a mask as class indices.

    Grey and palette files hold indices, RGB files the colours of `labels`.

    Args:
        path: A file of one of `MASK_SUFFIXES`.
        labels: The classes, and what values of a file mean.
        max_side: Make a larger mask smaller, as `read_image` does, by nearest neighbours.

    Returns:
        Uint8, shape `(height, width)`.

    Raises:
        KsegError: The file cannot be read, or holds a value that is neither a class nor void.
    """
    with _opened(path) as image:
        return _indices(image, labels, max_side)


def read_pair(
    image: Path, mask: Path, labels: Labels, max_side: int | None = None, channels: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Read an image and its mask, each file opened once.

    Args:
        image: The image's file.
        mask: The mask's file.
        labels: The classes.
        max_side: Make larger ones smaller.
        channels: 1 for grey, 3 for RGB, or the number of bands, up to 8.

    Returns:
        What `read_image` and `read_mask` return.

    Raises:
        KsegError: A file cannot be read, or the sizes differ.
    """
    read = read_upright(image, max_side, channels)
    with _opened(mask) as opened:
        mask_size, indices = _upright_size(opened), _indices(opened, labels, max_side)
    _check_same(image, read.size, mask, mask_size[::-1])
    return read.pixels, indices


def read_stored(path: Path) -> np.ndarray:
    """Read what a mask file holds, as it is: integers `(height, width)`, or colours, `(..., 3)`.

    Raises:
        KsegError: The file cannot be read.
    """
    with _opened(path) as image:
        return _stored(image, None)


def read_values(path: Path) -> np.ndarray:
    """Read the distinct values that a mask file holds, sorted.

    Raises:
        KsegError: The file cannot be read, or holds colours instead of indices.
    """
    with _opened(path) as image:
        values = _stored(image, None)
        if values.ndim == 3:
            raise KsegError(
                f"is a colour image (mode {image.mode}); expected one class index per pixel, or a "
                'classes.json beside the splits that gives each class its colour under "palette"'
            )
        return np.unique(values)


def write_mask(path: Path, mask: np.ndarray, labels: Labels, note: str | None = None) -> None:
    """Write class indices, shape `(H, W)`, below 256, as a palette PNG: index and colour in one.

    Args:
        path: The file.
        mask: The indices.
        labels: The classes.
        note: What the file says of itself, to be read by `read_note`.
    """
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette(labels.palette.tobytes())
    said = PngInfo()
    if note is not None:
        said.add_text(NOTE, note)
    with _files.atomic(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=said, compress_level=FAST)


def read_note(path: Path) -> str:
    """Return what a mask says of itself; "" where it says nothing.

    Raises:
        KsegError: It is not an image.
    """
    with _opened(path) as image:
        return str(image.info.get(NOTE, ""))


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image in the format of the suffix.

    Args:
        path: The file.
        image: Uint8, grey `(H, W)`, or `(H, W, channels)`; of more than four channels for TIFF
            alone, with tifffile.
    """
    with _files.atomic(path) as temporary:
        if image.ndim == 3 and image.shape[-1] > MOST_OF_PILLOW:
            bands.write_tiff(temporary, image)
        else:
            pixels = image[..., 0] if image.shape[2:] == (1,) else image
            Image.fromarray(pixels).save(temporary, compress_level=FAST)


def header_of(path: Path) -> tuple[tuple[int, int], int]:
    """Read the size of an image or mask file, and its EXIF orientation.

    Returns:
        `(height, width)`, the rotation applied; and 1 to 8, where 1 is upright, and what a file
        without has.

    Raises:
        KsegError: The file is not an image.
    """
    with _opened(path) as image:
        return _upright_size(image)[::-1], _orientation(image)


def spare_bands(path: Path) -> int:
    """Return how many bands of a TIFF are left out where it is read as grey or as RGB.

    A fourth that is alike everywhere, as the alpha of an image without holes, counts for none.

    Raises:
        KsegError: The file is not an image.
    """
    with _opened(path) as image:
        count = image.tag_v2.get(SAMPLESPERPIXEL, 1) if isinstance(image, TiffImageFile) else 0
        if count <= 3 or image.mode == "CMYK":
            return 0
        if image.mode == "RGBA" and count == 4:
            lowest, highest = image.getchannel("A").getextrema()
            return int(lowest != highest)
        return count - 3


def check_sizes(image: Path, mask: Path, channels: int = 3) -> tuple[int, int]:
    """Refuse a mask of another size than its image; return their `(height, width)`.

    Args:
        image: The image's file.
        mask: The mask's file.
        channels: Those of the image.

    Raises:
        KsegError: They differ, or a file is not an image.
    """
    if _is_of_bands(image, channels):
        with named(image):
            size = bands.size_of(image)
    else:
        size, _ = header_of(image)
    mask_size, _ = header_of(mask)
    _check_same(image, size, mask, mask_size)
    return size


def check_pair(image: Path, mask: Path, channels: int = 3) -> None:
    """Read all of an image, as `read_image` does, and its mask.

    Raises:
        KsegError: One of them cannot be read, or their sizes differ.
    """
    size = read_upright(image, 64, channels).size
    with _opened(mask) as opened:
        mask_size = _upright_size(opened)
        _stored(opened, None)
    _check_same(image, size, mask, mask_size[::-1])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image; whatever fails while it is open becomes an error that names the file."""
    # Without the list Pillow would start Ghostscript for a PostScript file of any name.
    with named(path), Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise KsegError(f"has {image.width}x{image.height} pixels, over {MAX_PIXELS:,}")
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise KsegError(f"has {frames} frames; save each as a file of its own")
        yield image


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn whatever fails into a `KsegError` that names the file."""
    try:
        if path.exists() and not path.is_file():  # to open a pipe is to wait for who writes to it
            raise KsegError("is a folder, a pipe or a device; expected a file")
        yield
    except Image.DecompressionBombError:
        raise KsegError(f"{path} has over {MAX_PIXELS:,} pixels.{_hint(path)}") from None
    except Image.UnidentifiedImageError as error:
        raise KsegError(f"{path} is not an image that can be read.{_bands_hint(path)}") from error
    except KsegError as error:
        raise KsegError(f"{path} {error}.") from error
    except Exception as error:  # decoders raise whatever a damaged byte leads them to
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise KsegError(f"{path} cannot be read: {reason.splitlines()[0]}.") from error


def _bands_hint(path: Path) -> str:
    """Return what makes a TIFF readable whose bands are no colours."""
    if path.suffix.lower() not in TIFF_SUFFIXES or not importlib.util.find_spec("tifffile"):
        return ""
    with contextlib.suppress(Exception):  # it is damaged
        count = bands.count_of(path)
        if count not in (1, 3):
            return f" It holds {count} bands; {bands.reader_of(count)}."
    return ""


def _hint(path: Path) -> str:
    """Return what makes a larger file readable."""
    if path.suffix.lower() not in TIFF_SUFFIXES or importlib.util.find_spec("tifffile"):
        return ""
    return " To predict it by rows: python -m pip install tifffile"


def _check_same(image: Path, size: tuple[int, int], mask: Path, mask_size: tuple[int, int]) -> None:
    """Refuse a mask of another `(height, width)` than its image's."""
    if size != mask_size:
        (height, width), (mask_height, mask_width) = size, mask_size
        raise KsegError(
            f"{mask} is {mask_height}x{mask_width} pixels, but its image {image} is "
            f"{height}x{width} (height x width). Both must be of one size."
        )


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Return `(width, height)` as they are once the EXIF rotation is applied."""
    return image.size[::-1] if _orientation(image) >= 5 else image.size


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; some tools write 0 for upright."""
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF rotation, without a copy where there is none."""
    return image if _orientation(image) == 1 else ImageOps.exif_transpose(image)


def _pixels(image: Image.Image, max_side: int | None, channels: int) -> np.ndarray:
    """Return `(H, W, channels)`, no larger than `max_side`."""
    target = _upright_size(image)
    if max_side is not None:
        target = shown_size(target, max_side)
        image.draft("RGB", target)
    image = _upright(image)
    if channels not in (1, 3):
        return resized_image(bands.of_image(image, channels), target[::-1])
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) / 257).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise KsegError(f"holds 32-bit pixels (mode {image.mode}); save it with 8 or 16 bits")
    mode = "RGB" if channels == 3 else "L"
    if image.mode != mode:
        image = image.convert(mode)
    pixels = np.asarray(image if image.size == target else image.resize(target, Resampling.BOX))
    return pixels if channels == 3 else pixels[..., None]


def _indices(image: Image.Image, labels: Labels, max_side: int | None) -> np.ndarray:
    """Return class indices `(H, W)`, no larger than `max_side`."""
    stored = _stored(image, max_side)
    return labels.from_colors(stored) if stored.ndim == 3 else labels.from_values(stored)


def _stored(image: Image.Image, max_side: int | None) -> np.ndarray:
    """Return indices `(H, W)`, or colours `(H, W, 3)`, as the file holds them."""
    compression = str(image.info.get("compression", ""))
    if image.format in ("JPEG", "MPO", "WEBP") or "jpeg" in compression:
        raise KsegError(
            f"is a {image.format} file, whose compression changes class indices; masks must be PNG,"
            " BMP or TIFF"
        )
    step = _grey_step(image)
    image = _upright(image)
    if image.mode == "F":
        raise KsegError("holds floating-point values; save class indices as whole numbers")
    if image.mode in ("RGBA", "CMYK", "LA", "PA"):
        image = image.convert({"LA": "L", "PA": "P"}.get(image.mode, "RGB"))
    if max_side is not None and max(image.size) > max_side:
        image = image.resize(shown_size(image.size, max_side), Resampling.NEAREST)
    values = np.asarray(image)
    if values.dtype == bool:
        return values.astype(np.uint8)
    return values if step == 1 else values // step


def _grey_step(image: Image.Image) -> int:
    """Return by how much Pillow multiplies a grey of 2 or 4 bits to make 8 of it."""
    tiles = getattr(image, "tile", None) or [(None, None, 0, None)]
    return {"L;2": 85, "L;4": 17}.get(tiles[0][3] if isinstance(tiles[0][3], str) else "", 1)
