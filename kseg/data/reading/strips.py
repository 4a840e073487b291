"""TIFF files that memory does not hold: read row by row, and written tile by tile, by tifffile."""

import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from kseg import _checks, _files
from kseg.data.reading import bands
from kseg.data.reading.files import MAX_PIXELS, TIFF_SUFFIXES, named
from kseg.errors import KsegError
from kseg.labels import Labels

TILE = 256
"""Height and width of the tiles of a file that is written."""
MOST_IN_A_STRIP = 2**28
"""Values: a strip or a tile is unpacked as a whole for each of its rows that are asked for."""
WHITE_IS_ZERO = 0
"""TIFF's number for greys that are inverted."""


def is_large(path: Path) -> bool:
    """Tell whether a file is a TIFF of more than `MAX_PIXELS`, to be read by rows."""
    if path.suffix.lower() not in TIFF_SUFFIXES or not importlib.util.find_spec("tifffile"):
        return False
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return page.imagelength * page.imagewidth > MAX_PIXELS
    except Exception:  # whatever it is, reading it says what is wrong
        return False


class Strips:
    """An image in a TIFF, read row by row: `strips[1000:1200]`.

    What its pixels become is what `files.read_image` makes of them. A context manager, which closes
    the file.

    Args:
        path: The file; tifffile must be installed.
        channels: 1 for grey, 3 for RGB, or the number of bands, up to 8, that the file must have.

    Raises:
        KsegError: The file is no TIFF of one image, is rotated, or holds pixels that cannot be read
            so.
    """

    def __init__(self, path: Path, channels: int = 3) -> None:
        _checks.count(channels, bands.MOST, "channels")
        import tifffile

        self.path = path
        with named(path):
            self._file = tifffile.TiffFile(path)
            self._page = bands.only_page(self._file, channels)
            bands.check_page(self._page, channels if channels not in (1, 3) else None)
            if bands.orientation_of(self._page) != 1 or self._page.axes.startswith("S"):
                raise KsegError("is rotated, or holds its bands one after the other; save it anew")
            self._is_plain = self._page.is_final  # bytes that are pixels, row after row
            if not self._is_plain and math.prod(self._page.chunks) > MOST_IN_A_STRIP:
                raise KsegError(
                    "is packed in strips of too many rows to be read row by row; save it in tiles"
                )
        self.shape = (self._page.imagelength, self._page.imagewidth, channels)

    def __enter__(self) -> "Strips":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Read rows, uint8, `(rows, width, channels)`.

        Raises:
            KsegError: They are damaged, or compressed in a way that takes the package imagecodecs.
        """
        page, (height, width, channels) = self._page, self.shape
        top, bottom, _ = rows.indices(height)
        if self._is_plain:
            with named(self.path):
                return self._pixels(self._stored(top, bottom), channels)
        found = np.empty((bottom - top, width, page.samplesperpixel), page.dtype)
        length, across = page.chunks[0], -(-width // page.chunks[1])
        with named(self.path):
            for index in range(top // length * across, -(-bottom // length) * across):
                self._copy(index, found, top, bottom)
        return self._pixels(found, channels)

    def _stored(self, top: int, bottom: int) -> np.ndarray:
        """Read the bytes of rows that lie one after the other as they are."""
        page, width = self._page, self.shape[1]
        kind = np.dtype(page.dtype).newbyteorder(self._file.byteorder)
        row = width * page.samplesperpixel * kind.itemsize
        self._file.filehandle.seek(page.dataoffsets[0] + top * row)
        data = self._file.filehandle.read((bottom - top) * row)
        values = np.frombuffer(data, kind).astype(page.dtype)
        return values.reshape(bottom - top, width, page.samplesperpixel)

    def _copy(self, index: int, found: np.ndarray, top: int, bottom: int) -> None:
        """Decode a strip or tile of the file, and copy the rows that are asked for."""
        page = self._page
        self._file.filehandle.seek(page.dataoffsets[index])
        data = self._file.filehandle.read(page.databytecounts[index])
        segment, place, shape = page.decode(data, index, jpegtables=page.jpegtables)
        row, column = place[2:4]
        rows = slice(max(row, top), min(row + shape[1], bottom))
        columns = slice(column, min(column + shape[2], found.shape[1]))
        part = found[rows.start - top : rows.stop - top, columns]
        if segment is None:  # a tile of nothing, which sparse files leave out
            part[:] = 0
        else:
            part[:] = segment[0, rows.start - row : rows.stop - row, : part.shape[1]]

    def _pixels(self, stored: np.ndarray, channels: int) -> np.ndarray:
        """Return what stored values mean, uint8."""
        page = self._page
        if stored.dtype == np.uint16:
            stored = (stored / 257).astype(np.uint8)
        if channels not in (1, 3):
            return stored
        if page.colormap is not None:
            stored = (page.colormap.T[stored[..., 0]] // 256).astype(np.uint8)
        elif page.photometric == WHITE_IS_ZERO:
            stored = 255 - stored
        stored = stored[..., :3] if stored.shape[-1] >= 3 else stored[..., :1]  # without alpha
        if stored.shape[-1] == channels:
            return stored
        if channels == 3:
            return np.repeat(stored, 3, axis=-1)
        return np.asarray(Image.fromarray(stored).convert("L"))[..., None]


class Rows(Protocol):
    """Values of pixels that are read by rows: an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(height, width)`."""

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Return rows, uint8, `(rows, width)`."""


def write_tiles(path: Path, values: Rows, labels: Labels | None = None, note: str = "") -> None:
    """Write a TIFF in tiles, of values that need not be in memory.

    Args:
        path: The file.
        values: What it holds.
        labels: The classes whose indices they are, for the palette; `None` for grey.
        note: What the file says of itself, to be read by `read_note`.

    Raises:
        OSError: It cannot be written.
    """
    import tifffile

    height, width = values.shape

    def tiles() -> Iterator[np.ndarray]:
        for top in range(0, height, TILE):
            rows = np.asarray(values[top : top + TILE])
            rows = np.pad(rows, ((0, TILE - len(rows)), (0, -width % TILE)))
            for left in range(0, width, TILE):
                yield np.ascontiguousarray(rows[:, left : left + TILE])

    meaning: dict[str, Any] = {"photometric": "minisblack"}
    if labels is not None:
        colors = labels.palette.astype(np.uint16).T * 257
        meaning = {"photometric": "palette", "colormap": colors}
    with _files.atomic(path) as temporary:
        tifffile.imwrite(
            temporary,
            tiles(),
            shape=(height, width),
            dtype=np.uint8,
            tile=(TILE, TILE),
            compression="zlib",
            description=note or None,
            bigtiff=height * width > 2**31,
            metadata=None,
            **meaning,
        )


def read_note(path: Path) -> str:
    """Return what a TIFF says of itself; "" where it says nothing.

    Raises:
        KsegError: It cannot be read.
    """
    import tifffile

    with named(path), tifffile.TiffFile(path) as file:
        return file.pages.first.description
