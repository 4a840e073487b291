"""Small pictures of what a network says, drawn fast: palette images of Pillow, and a GIF of them.

Matplotlib needs a second for a page of masks; here everything but the predictions is drawn once.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kseg import _files
from kseg._text import printable
from kseg.labels import Labels
from kseg.plots.legends import flowing, written
from kseg.plots.overlays import as_rgb

SIDE = 256
"""A picture's longer side in pixels; smaller ones are shown in whole multiples of their size."""
GREYS, PHOTO = 8, 48
"""Shades of the writing, and colours of the photographs; classes have the rest of 256."""
SEEN = 20_000
"""Pixels by which the colours of the photographs are chosen."""
GAP, LINE, NARROWEST = 8, 20, 200
FRAMES, FRAME, HELD = 40, 250, 2500
"""Of an animation: pictures at most, milliseconds of each, and of the last one."""


class PreviewSheet:
    """Images, their true masks, and a place for predictions: a row each, with a legend below.

    Args:
        images: Uint8, each `(H, W, channels)`.
        masks: Class indices, each of its image's `(H, W)`.
        labels: Classes and colours.
    """

    def __init__(
        self, images: Sequence[np.ndarray], masks: Sequence[np.ndarray], labels: Labels
    ) -> None:
        side = max(max(mask.shape) for mask in masks)
        self._scale = SIDE / side if side > SIDE else SIDE // side
        photos = [self._scaled(as_rgb(image)) for image in images]
        self._height = max(len(photo) for photo in photos)
        self._width = max(NARROWEST, *(photo.shape[1] for photo in photos))
        greys = [(255 * shade // (GREYS - 1),) * 3 for shade in range(GREYS)]
        own = np.array([*greys, labels.void_color, *labels.colors][: 256 - PHOTO])
        self._places = np.array([_nearest(own, color) for color in labels.palette], np.uint8)
        indices, colors = _reduced(photos)
        self._palette = np.concatenate([own, colors]).astype(np.uint8)
        self._canvas = self._blank(len(photos), labels)
        self._write(self._canvas, "image", 0)
        self._write(self._canvas, "truth", 1)
        for row, (photo, mask) in enumerate(zip(indices, masks, strict=True)):
            self._put(self._canvas, photo + len(own), row, 0)
            self._put(self._canvas, self._places[self._scaled(mask)], row, 1)

    def drawn(self, predicted: Sequence[np.ndarray], title: str) -> Image.Image:
        """Return a palette image with predicted masks, each of its image's `(H, W)`."""
        canvas = self._canvas.copy()
        self._write(canvas, title, 2)
        for row, mask in enumerate(predicted):
            self._put(canvas, self._places[self._scaled(mask)], row, 2)
        picture = Image.fromarray(canvas)
        picture.putpalette(self._palette.tobytes())
        return picture

    def _scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels in the size that is shown, photographs smoothed where they shrink."""
        height, width = (max(1, round(side * self._scale)) for side in pixels.shape[:2])
        is_smooth = pixels.ndim == 3 and self._scale < 1
        way = Image.Resampling.BOX if is_smooth else Image.Resampling.NEAREST
        image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
        return np.asarray(image.resize((width, height), way))

    def _blank(self, rows: int, labels: Labels) -> np.ndarray:
        """Return the canvas, palette indices, with the legend on it."""
        width = 3 * self._width + 4 * GAP
        top = LINE + GAP + rows * (self._height + GAP)
        entries = [*zip(labels.names, range(len(labels)), strict=True), ("void", labels.ignore)]
        placed = list(flowing([printable(name) for name, _ in entries], width))
        height = top + LINE * (placed[-1][1] + 1) + GAP
        canvas = np.full((height, width), GREYS - 1, np.uint8)
        for (name, index), (x, line) in zip(entries, placed, strict=True):
            y = top + LINE * line
            canvas[y + 3 : y + 16, x : x + 13] = GREYS // 2
            canvas[y + 4 : y + 15, x + 1 : x + 12] = self._places[index]
            _paste(canvas, _written(printable(name), width - x - 18), y, x + 18)
        return canvas

    def _write(self, canvas: np.ndarray, text: str, column: int) -> None:
        """Write above a column."""
        _paste(canvas, _written(text, self._width), GAP, GAP + column * (self._width + GAP))

    def _put(self, canvas: np.ndarray, indices: np.ndarray, row: int, column: int) -> None:
        top, left = LINE + GAP + row * (self._height + GAP), GAP + column * (self._width + GAP)
        _paste(canvas, indices, top, left)


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write an image as PNG, whole or not at all."""
    with _files.atomic(path) as temporary:
        picture.save(temporary, format="PNG")


def write_animation(path: Path, pictures: Sequence[Path]) -> None:
    """Write a GIF of pictures of one size, evenly spaced where there are many, the last one held.

    Args:
        path: The GIF.
        pictures: PNG files in their order, at least one.
    """
    chosen = np.unique(np.linspace(0, len(pictures) - 1, min(len(pictures), FRAMES)).round())
    first, *others = [_opened(pictures[int(index)]) for index in chosen]
    with _files.atomic(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=[*[FRAME] * len(others), HELD],
            loop=0,
        )


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def _reduced(photos: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return photographs in a few colours: indices of each, and the colours of all."""
    flat = np.concatenate([photo.reshape(-1, 3) for photo in photos])[None]
    few = np.ascontiguousarray(flat[:, :: 1 + flat.shape[1] // SEEN])
    chosen = Image.fromarray(few).quantize(PHOTO)
    colors = np.array(chosen.getpalette(), np.uint8).reshape(-1, 3)[:PHOTO]
    reduced = Image.fromarray(flat).quantize(palette=chosen, dither=Image.Dither.NONE)
    ends = np.cumsum([photo.shape[0] * photo.shape[1] for photo in photos])[:-1]
    parts = np.split(np.asarray(reduced)[0], ends)
    return [
        part.reshape(photo.shape[:2]) for part, photo in zip(parts, photos, strict=True)
    ], colors


def _nearest(colors: np.ndarray, color: np.ndarray) -> int:
    return int(((colors - color.astype(int)) ** 2).sum(axis=-1).argmin())


def _written(text: str, width: int) -> np.ndarray:
    """Return a line of text as indices of greys."""
    return (written(text, width).astype(int) * (GREYS - 1) // 255).astype(np.uint8)


def _paste(canvas: np.ndarray, indices: np.ndarray, top: int, left: int) -> None:
    height, width = indices.shape
    canvas[top : top + height, left : left + width] = indices
