"""From images of any size to probabilities and masks of the same size."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

import numpy as np

from kseg import _checks
from kseg.data.augment.settings import Resize, ResizeBack
from kseg.data.resizing import resized_image, shown_size
from kseg.errors import KsegError, Notice
from kseg.inference.decision import Decided, decide
from kseg.inference.engines.engine import Engine, ran_out
from kseg.inference.probabilities import Probabilities
from kseg.inference.settings import DOUBTS
from kseg.inference.tiles import Block, Padded, Picture, Tiling, in_blocks

BATCH = 8


class Predictor:
    """Predicts the classes of images of any size: image -> probabilities -> mask.

    An image whose longer side exceeds `max_side` is made smaller for the network, unless `resize`
    says otherwise, and what the network says is brought back to the image's size. A side that
    `stride` does not divide is padded by its edge.

    Args:
        engine: Function from images, uint8, `(n, H, W, C)`, to probabilities `(n, H, W, classes)`.
        stride: The network takes sizes that are multiples of this.
        max_side: The longest side that the network is shown; `None` for no limit.
        resize: "aspect" makes larger images smaller; "squash" makes both sides of any image
            `max_side`; "none" shows each as it is.
        resize_back: How probabilities come to the image's size: "bilinear" or "nearest".
        tiling: How an image is cut that is shown larger than a tile; `None` for no tiles.
        temperature: What the network's probabilities are calibrated by, see `Probabilities`.
        doubt: How uncertainty is measured, see `decide`.
        has_entropy: Whether the engine gives the mean entropy of several answers after the classes.

    Raises:
        KsegError: `resize`, `resize_back` or `doubt` is none of these.

    Example:
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(8, 16))
        >>> engine = kseg.inference.keras_engine(model)
        >>> predictor = kseg.inference.Predictor(engine, stride=2)
        >>> image = np.zeros((33, 47, 3), np.uint8)
        >>> [mask.shape for mask in predictor.predict([image, image])]
        [(33, 47), (33, 47)]
    """

    def __init__(
        self,
        engine: Engine,
        *,
        stride: int = 32,
        max_side: int | None = None,
        resize: Resize = "aspect",
        resize_back: ResizeBack = "bilinear",
        tiling: Tiling | None = None,
        temperature: float = 1.0,
        doubt: str = "confidence",
        has_entropy: bool = False,
    ) -> None:
        _checks.one_of(resize, get_args(Resize), "resize")
        _checks.one_of(resize_back, get_args(ResizeBack), "resize_back")
        self.engine = engine
        self.stride = stride
        self._max_side = max_side
        self._resize: Resize = resize
        self._resize_back: ResizeBack = resize_back
        self.tiling = tiling
        self.temperature = temperature
        self.doubt = _checks.one_of(doubt, DOUBTS, "uncertainty")
        self._has_entropy = has_entropy

    def probabilities(self, images: Iterable[np.ndarray]) -> Iterator[Probabilities]:
        """Tell the probability of each class, image by image, as they are asked for.

        Consecutive images of one size go through the network together, at most 8.

        Args:
            images: Uint8, or float in 0..255, each `(height, width, channels)`; an iterator is read
                batch by batch.

        Raises:
            KsegError: An entry is not an image.
        """
        for group in _of_one_shape(images):
            yield from self._of_group(group)

    def decided(self, images: Iterable[np.ndarray]) -> Iterator[Decided]:
        """Decide the class of each pixel, image by image, as they are asked for.

        An image in tiles is decided tile by tile: memory does not grow with the number of its
        classes.

        Args:
            images: As `probabilities` takes them.

        Yields:
            Masks and how sure they are, each of the image's `(height, width)`.

        Raises:
            KsegError: An entry is not an image.
        """
        for group in _of_one_shape(images):
            size = group[0].shape[:2]
            if self._is_cut(size) and self._size(group[0]) == size:
                for image in group:
                    parts = zip(*self.decided_rows(image), strict=True)
                    yield Decided(*map(np.concatenate, parts))
            else:
                yield from map(decide, self._of_group(group))

    def decided_rows(
        self,
        picture: Picture,
        on_tile: Callable[[], None] = lambda: None,
        start: int = 0,
    ) -> Iterator[Decided]:
        """Decide an image row of tiles by row of tiles, shown at its own size.

        Memory holds a few rows of tiles, whatever the image's height.

        Args:
            picture: An image, or a file that is read by rows, `(height, width, channels)`.
            on_tile: Called after each tile.
            start: The row to begin at.

        Yields:
            Masks and how sure they are, each `(rows, width)`, from top to bottom.

        Raises:
            KsegError: The predictor has no tiling.
        """
        if self.tiling is None:
            raise KsegError(
                "To decide an image row by row takes tiles. Give the Predictor tiling=."
            )
        height, width = picture.shape[:2]
        for top, left, values in self._blocks(Padded(picture, self.stride), on_tile, start):
            inside = values[: height - top, : width - left]
            if left == 0:
                shape = len(inside), width
                rows = Decided(
                    np.empty(shape, np.uint8), *(np.empty(shape, np.float32) for _ in range(2))
                )
            columns = slice(left, left + inside.shape[1])
            own = self._told(inside, inside.shape[:2])
            for whole, part in zip(rows, decide(own), strict=True):
                whole[:, columns] = part
            is_last = columns.stop == width
            del values, inside, own, part  # they would stand beside all that the next tile takes
            if is_last:
                yield rows

    @property
    def takes_rows(self) -> bool:
        """Whether `decided_rows` gives what `decided` does: nothing is made smaller."""
        is_whole = self._max_side is None or self._resize == "none"
        return is_whole and self.tiling is not None

    def tiles(self, shape: tuple[int, ...], start: int = 0) -> int:
        """Return the number of tiles that `decided_rows` takes; 1 without a tiling.

        Args:
            shape: `(height, width, ...)` of the image.
            start: As `decided_rows` takes it.
        """
        if self.tiling is None:
            return 1
        height, width = (side + -side % self.stride for side in shape[:2])
        tops = self.tiling.starts(height)
        return (len(tops) - self.tiling.above(height, start)) * len(self.tiling.starts(width))

    def predict(self, images: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Predict masks.

        Args:
            images: Uint8, or float in 0..255, each `(height, width, channels)`.

        Returns:
            Class indices, uint8, each of its image's `(height, width)`.

        Raises:
            KsegError: An entry is not an image.
        """
        return [found.mask for found in self.decided(images)]

    def shown(self, image: np.ndarray) -> np.ndarray:
        """Return an image as the network is shown it: resized, and padded to `stride`."""
        return shown(image, self.stride, self._max_side, self._resize)

    def _size(self, image: np.ndarray) -> tuple[int, int]:
        """Return the size at which an image is shown, without its padding."""
        height, width = image.shape[:2]
        return shown_size((height, width), self._max_side, self._resize)

    def _is_cut(self, size: tuple[int, ...]) -> bool:
        """Whether what the network is shown, of this `(height, width)`, is larger than a tile."""
        longest = max(side + -side % self.stride for side in size[:2])
        return self.tiling is not None and longest > self.tiling.side

    def _of_group(self, group: list[np.ndarray]) -> Iterator[Probabilities]:
        """Tell the probabilities of images of one shape."""
        height, width = self._size(group[0])
        answers = self._answers([self.shown(image) for image in group])
        for output, image in zip(answers, group, strict=True):
            yield self._told(output[:height, :width], image.shape[:2])

    def _told(self, values: np.ndarray, size: tuple[int, ...]) -> Probabilities:
        """Return what the engine gave as what it says about an image of a size."""
        return Probabilities(
            values,
            (size[0], size[1]),
            self._resize_back,
            self.temperature,
            self.doubt,
            self._has_entropy,
        )

    def _answers(self, shown: list[np.ndarray]) -> Iterator[np.ndarray]:
        """Tell what the network says of images of one size: of all at once, if memory allows.

        Where it does not, each by itself; and where that is too much too, in ever smaller tiles.
        """
        if self._is_cut(shown[0].shape):
            yield from map(self._in_tiles, shown)
            return
        try:
            answers = self.engine(np.stack(shown))
        except Exception as error:
            longest = max(shown[0].shape[:2])
            if not ran_out(error) or (len(shown) == 1 and not self._take_smaller(longest)):
                raise
            answers = None
        if answers is not None:
            yield from answers
            return
        for image in shown:
            yield from self._answers([image])

    def _in_tiles(self, shown: np.ndarray) -> np.ndarray:
        """Return the probabilities of an image that is larger than a tile."""
        found: np.ndarray | None = None
        for top, left, values in self._blocks(shown):
            if found is None:
                found = np.empty((*shown.shape[:2], values.shape[-1]), np.float32)
            found[top : top + len(values), left : left + values.shape[1]] = values
        if found is None:
            raise ValueError(f"an image of {shown.shape} has no pixels")
        return found

    def _blocks(
        self, picture: Picture, on_tile: Callable[[], None] = lambda: None, start: int = 0
    ) -> Iterator[Block]:
        """Run over an image in tiles; in smaller ones where the first is too much for memory."""
        while self.tiling is not None:
            blocks = in_blocks(self.engine, picture, self.tiling, on_tile, start)
            try:
                first = next(blocks)
            except Exception as error:
                if not ran_out(error) or not self._take_smaller(self.tiling.side):
                    raise
                continue
            yield first
            yield from blocks
            return

    def _take_smaller(self, side: int) -> bool:
        """Take tiles of half a side, and say so; tell whether there are any so small."""
        smaller = None if self.tiling is None else self.tiling.smaller(side)
        if smaller is None:
            return False
        self.tiling = smaller
        said = f"Memory ended at {side}x{side} pixels: going on in tiles of {smaller.side}."
        warnings.warn(said, Notice, stacklevel=2)
        return True


def shown(
    image: np.ndarray, stride: int, max_side: int | None, resize: Resize = "aspect"
) -> np.ndarray:
    """Return an image as a network is shown it: resized, and padded to multiples of a stride."""
    height, width = image.shape[:2]
    resized = resized_image(image, shown_size((height, width), max_side, resize))
    padded = Padded(resized, stride)
    return padded[: padded.shape[0]]


def _of_one_shape(images: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Group consecutive images of one shape, at most `BATCH`."""
    group: list[np.ndarray] = []
    for image in images:
        if np.ndim(image) != 3:
            raise KsegError(
                "images must be a sequence of (height, width, channels). Received an entry of "
                f"shape {np.shape(image)}: give [image] for one, image[..., None] for grey."
            )
        if group and image.shape != group[0].shape:
            yield group
            group = []
        group.append(image)
        if len(group) == BATCH:
            yield group
            group = []
    if group:
        yield group
