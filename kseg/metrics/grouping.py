"""Images that belong together, by their names: the frames of a video, the tiles of a photo."""

import math
import re
from collections.abc import Sequence

import numpy as np

NUMBER = r"[ ._-]?[A-Za-z]{0,5}\d+$"
"""What counts the images of one series: the last number of a name, as in `Seq05VD_f00030`."""
PLACE = r"(?:[ ._-][A-Za-z]{0,5}\d+)?"
"""A number before it, as of the row and the column of a tile."""
FEWEST = 10
"""Fewer groups than this say little of how far a score could be off."""


def groups_of(names: Sequence[str]) -> np.ndarray:
    """Return which images are drawn together where the interval of a score is sought.

    Names that differ in their last numbers alone are one series. Where there are few series, each
    is cut into pieces of neighbours: as many in all as the square root of the number of images, and
    at least ten. So neither do frames of one video pass for images that know nothing of each other,
    nor is a folder of unrelated, numbered photos taken for a single one.

    Args:
        names: Of the images, each unique.

    Returns:
        The group of each image, int64 from 0 on, `(images,)`; each image by itself where that is
        all there is.

    Example:
        >>> kseg.metrics.groups_of(["cat", "dog", "street_01", "street_02"])
        array([0, 1, 2, 3])
        >>> frames = [f"{video}_{frame:05}" for video in "abcdefghijkl" for frame in (30, 60)]
        >>> kseg.metrics.groups_of(frames)[:6]
        array([0, 0, 1, 1, 2, 2])

    References:
        Kuensch 1989, https://doi.org/10.1214/aos/1176347265, for blocks of neighbours.
    """
    series: dict[str, list[int]] = {}
    for index in sorted(range(len(names)), key=lambda one: _natural(names[one])):
        stem, _, ending = names[index].rpartition("/")
        series.setdefault(f"{stem}/{re.sub(PLACE + NUMBER, '', ending)}", []).append(index)
    pieces = list(series.values())
    wanted = min(max(FEWEST, round(math.sqrt(len(names)))), len(names))
    while len(pieces) < wanted:
        longest = max(pieces, key=len)
        middle = len(longest) // 2
        at = pieces.index(longest)
        pieces[at : at + 1] = [longest[:middle], longest[middle:]]
    groups = np.zeros(len(names), np.int64)
    for number, piece in enumerate(sorted(pieces, key=min)):
        groups[piece] = number
    return groups


def _natural(name: str) -> list[tuple[int, str]]:
    """Order names as people do: `f9` before `f10`."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]
