"""Images that a network cannot take at once: overlapping tiles, whose weights sum to one."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from kseg.errors import KsegError
from kseg.inference.engines.engine import Engine

if TYPE_CHECKING:
    import keras

MEMORY = 3 * 2**27
"""Bytes that a network's outputs may take while it looks at a tile."""
HELD = 4
"""So many times its largest output a network holds at once."""
RAMP = 32
"""Over so many pixels, at least, a tile's weight falls from one to nothing."""
REACH = 128
"""Taken for the receptive radius of a network that sees all of an image."""


class Sight(NamedTuple):
    """What of a network decides how images are cut for it.

    Attributes:
        field: The side of its receptive field, in pixels; `None` where it sees all of an image.
        largest: The values per pixel of its largest output.
    """

    field: int | None
    largest: float


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    A tile misses what lies beyond its inner edges. Within `margin` of them, the receptive radius of
    the network, its answers count for nothing; from there to the end of the overlap they count more
    and more, as those of its neighbour count less. So each pixel is decided by tiles that saw all
    that it depends on, and what comes out is what the whole image would have given.

    Attributes:
        side: Height and width of a tile, a multiple of `stride`.
        overlap: Pixels that neighbours share, a multiple of `stride`.
        margin: Pixels along an inner edge that count for nothing.
        stride: Tiles begin at multiples of this, as the network's pooling windows do.

    Raises:
        KsegError: Side or overlap is no multiple of the stride, or the overlap leaves no room.

    Example:
        >>> tiling = kseg.inference.Tiling(side=64, overlap=32, margin=8, stride=16)
        >>> tiling.starts(120 + 8)  # an image is padded to a multiple of the stride
        [0, 32, 64]
        >>> round(float(sum(weights.sum() for weights in tiling.weights(128))), 3)
        128.0
    """

    side: int
    overlap: int
    margin: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        if self.side % self.stride or self.overlap % self.stride:
            raise KsegError(
                f"A tile's side and overlap must be multiples of the network's stride, "
                f"{self.stride}. Received {self.side} and {self.overlap}."
            )
        if not 2 * self.margin < self.overlap < self.side and self.overlap:
            raise KsegError(
                "The overlap of tiles must be below their side, and above twice the margin that "
                f"does not count. Received side {self.side}, overlap {self.overlap}, margin "
                f"{self.margin}."
            )

    def length(self, whole: int) -> int:
        """Return how long tiles are along a side of so many pixels: all of them alike.

        So the last one does not do again what the one before it did.

        Args:
            whole: A multiple of the stride.
        """
        count = max(math.ceil((whole - self.overlap) / (self.side - self.overlap)), 1)
        shared = (count - 1) * self.overlap
        return min(_multiple(math.ceil((whole + shared) / count), self.stride), whole)

    def starts(self, whole: int) -> list[int]:
        """Return where tiles begin along a side, so that the last ends where the side does.

        Args:
            whole: A multiple of the stride.
        """
        length = self.length(whole)
        last = whole - length
        return [*range(0, last, max(length - self.overlap, 1)), last]

    def smaller(self, side: int) -> "Tiling | None":
        """Return tiles of half a side, where they still overlap as far as the network sees.

        Args:
            side: What was too large.
        """
        half = side // 2 // self.stride * self.stride
        return replace(self, side=half) if half > self.overlap else None

    def above(self, whole: int, start: int) -> int:
        """Return which tile is the first, along a side, that reaches beyond `start`."""
        length = self.length(whole)
        return next(at for at, begin in enumerate(self.starts(whole)) if begin + length > start)

    def weights(self, whole: int) -> list[np.ndarray]:
        """Return the weights of each tile along a side, float32: at each pixel they sum to one.

        Args:
            whole: A multiple of the stride.
        """
        starts, side = self.starts(whole), self.length(whole)
        pixel = np.arange(side) + 0.5
        found = []
        for index, start in enumerate(starts):
            weight = np.ones(side)
            if index:
                weight *= self._rise(pixel, starts[index - 1] + side - start)
            if index + 1 < len(starts):
                weight *= self._rise(side - pixel, start + side - starts[index + 1])
            found.append(weight)
        total = np.zeros(whole)
        for start, weight in zip(starts, found, strict=True):
            total[start : start + side] += weight
        return [
            (weight / total[start : start + side]).astype(np.float32)
            for start, weight in zip(starts, found, strict=True)
        ]

    def _rise(self, distance: np.ndarray, overlap: int) -> np.ndarray:
        """Rise from 0 to 1 between the margin and the end of an overlap, smoothly."""
        room = max(overlap - 2 * self.margin, 1)
        part = np.clip((distance - self.margin) / room, 0, 1)
        return 0.5 - 0.5 * np.cos(np.pi * part)


def tiling_of(model: "keras.Model", stride: int, memory: int = MEMORY, zoom: float = 1.0) -> Tiling:
    """Choose tiles for a network: as large as the memory allows, overlapping as far as it sees.

    Args:
        model: From images of any size to probabilities.
        stride: The network takes sizes that are multiples of this.
        memory: Bytes that the network's outputs may take at once.
        zoom: The smallest scale at which the network is shown a tile: it sees farther then.

    Example:
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(8, 16))
        >>> kseg.inference.tiling_of(model, 2).margin  # sees 18 pixels: 9 to each side, and 2
        11
    """
    return tiling_for(sight_of(model), stride, memory, zoom)


def sight_of(model: "keras.Model") -> Sight:
    """Return what of a network decides how images are cut for it."""
    from kseg.models.measures import largest_output, receptive_field

    return Sight(receptive_field(model), largest_output(model))


def tiling_for(sight: Sight, stride: int, memory: int = MEMORY, zoom: float = 1.0) -> Tiling:
    """Choose tiles as `tiling_of` does, without the network."""
    margin = stride + math.ceil((REACH if sight.field is None else sight.field / 2) / zoom)
    overlap = _multiple(2 * margin + max(RAMP, stride), stride)
    pixels = memory / (4 * HELD * sight.largest)
    side = max(math.isqrt(int(pixels)) // stride * stride, 2 * overlap)
    return Tiling(side, overlap, margin, stride)


class Picture(Protocol):
    """Pixels that are read by rows: an array, or a file that memory does not hold."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(height, width, channels)`."""

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Return rows, `(rows, width, channels)`."""


class Padded:
    """A picture whose sides are made multiples of a stride, by repeating its last pixels.

    Args:
        picture: What is padded; nothing of it is read before it is asked for.
        stride: What is to divide height and width.
    """

    def __init__(self, picture: Picture, stride: int) -> None:
        height, width, channels = picture.shape
        self._picture = picture
        self._right = -width % stride
        self.shape = (height + -height % stride, width + self._right, channels)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return rows."""
        height = self._picture.shape[0]
        found = self._picture[rows.start or 0 : min(rows.stop, height)]
        below = max(rows.stop - height, 0)
        if below or self._right:
            return np.pad(found, ((0, below), (0, self._right), (0, 0)), mode="edge")
        return found


class Block(NamedTuple):
    """Answers that no other tile adds to.

    Attributes:
        top: Its first row.
        left: Its first column.
        values: Probabilities, float32, `(rows, columns, classes)`.
    """

    top: int
    left: int
    values: np.ndarray


def in_blocks(
    engine: Engine,
    picture: Picture,
    tiling: Tiling,
    on_tile: Callable[[], None] = lambda: None,
    start: int = 0,
) -> Iterator[Block]:
    """Run an engine over an image tile by tile; tell what is whole as soon as it is.

    Memory holds a tile, and what tiles reach into the next row of them, whatever the height.

    Args:
        engine: From images `(n, H, W, C)` to probabilities `(n, H, W, K)`.
        picture: `(height, width, channels)`, both multiples of the tiling's stride.
        tiling: How it is cut.
        on_tile: Called after each tile.
        start: The row to begin at: what lies above is known.

    Yields:
        Blocks from left to right, and from top to bottom; together they are the image.
    """
    height, width = picture.shape[:2]
    rows, columns = tiling.length(height), tiling.length(width)
    tops, lefts = tiling.starts(height), tiling.starts(width)
    first = tiling.above(height, start)
    down = list(zip(tops, [*tops[1:], height], tiling.weights(height), strict=True))[first:]
    across = list(zip(lefts, [*lefts[1:], width], tiling.weights(width), strict=True))
    most = max(top + rows - bottom for top, bottom, _ in down)
    carried: np.ndarray | None = None  # what the tiles above say of the rows of these
    shared = 0
    for top, bottom, weights_down in down:
        strip = picture[top : top + rows]
        beside: np.ndarray | None = None  # what the tile before says of the columns of this one
        for left, right, weights_across in across:
            tile = np.ascontiguousarray(strip[None, :, left : left + columns])
            found = engine(tile)[0] * np.outer(weights_down, weights_across)[..., None]
            on_tile()
            if beside is not None:
                found[:, : beside.shape[1]] += beside
            whole, beside = found[:, : right - left], found[:, right - left :].copy()
            if carried is None:
                carried = np.empty((most, width, found.shape[-1]), np.float32)
            whole[:shared] += carried[:shared, left:right]
            below = whole[bottom - top :]
            carried[: len(below), left:right] = below
            if bottom > start:
                begin = max(start, top)
                yield Block(begin, left, whole[begin - top : bottom - top])
            del found, whole, below  # they would stand beside all that the next tile takes
        shared = top + rows - bottom


def _multiple(value: int, of: int) -> int:
    return value + -value % of
