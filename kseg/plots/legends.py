"""Legends of classes, drawn fast by Pillow: Matplotlib needs a second where this needs none."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 13
"""Of letters, in pixels."""


def line_height(size: int = SIZE) -> int:
    """Return how high a line of a legend is, in pixels, whose letters are of a size."""
    return round(1.54 * size)


def flowing(names: Sequence[str], width: int, size: int = SIZE) -> Iterator[tuple[int, int]]:
    """Yield where entries of a legend stand, as words in lines: pixels from the left, and line."""
    gap = round(0.62 * size)
    x, line = gap, 0
    for name in names:
        length = text_start(size) + round(_font(size).getlength(name)) + 2 * gap
        if x > gap and x + length > width:
            x, line = gap, line + 1
        yield x, line
        x += length


def text_start(size: int = SIZE) -> int:
    """Return how many pixels right of its patch of colour the name of an entry begins."""
    return round(1.39 * size)


def written(text: str, width: int, size: int = SIZE) -> np.ndarray:
    """Return a line of text, black on white, uint8 `(line_height, at most width)`."""
    wide = min(width, 4 + round(_font(size).getlength(text)))
    paper = Image.new("L", (max(wide, 1), line_height(size)), 255)
    ImageDraw.Draw(paper).text((0, 1), text, fill=0, font=_font(size))
    return np.asarray(paper)


def legend(
    entries: Sequence[tuple[str, tuple[int, int, int]]], width: int, size: int = SIZE
) -> np.ndarray:
    """Return a strip of names beside their colours, in lines.

    Args:
        entries: Names and colours.
        width: Of the strip, in pixels.
        size: Of letters, in pixels.

    Returns:
        Uint8 RGB, `(H, width, 3)`; of no height without an entry.
    """
    height, start = line_height(size), text_start(size)
    placed = list(flowing([name for name, _ in entries], width, size))
    lines = placed[-1][1] + 1 if placed else 0
    paper = np.full((height * lines, width, 3), 255, np.uint8)
    for (name, color), (x, line) in zip(entries, placed, strict=True):
        y = height * line
        paper[y + height // 6 : y + height // 6 + size, x : x + size] = 128
        paper[y + height // 6 + 1 : y + height // 6 + size - 1, x + 1 : x + size - 1] = color
        if width > x + start:
            text = written(name, width - x - start, size)[..., None]
            paper[y : y + height, x + start : x + start + text.shape[1]] = text
    return paper


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font of Matplotlib's pictures, which knows more letters than Pillow's own."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size)
