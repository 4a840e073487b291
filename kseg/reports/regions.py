"""Regions of masks as polygons: GeoJSON and COCO."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from kseg.inference.cleaning import TOUCHING
from kseg.labels import Labels

Ring = list[tuple[int, int]]
"""Corners `(x, y)` of a closed line along the sides of pixels; the last is the first."""


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of one class that touch each other.

    Attributes:
        index: The class.
        pixels: Their number.
        box: `(x, y, width, height)`.
        inside: Which pixels of the box they are, bool.
        rings: Its outlines, and those of its holes, in pixels from the image's upper left corner.
    """

    index: int
    pixels: int
    box: tuple[int, int, int, int]
    inside: np.ndarray
    rings: tuple[Ring, ...]

    @property
    def polygons(self) -> list[list[Ring]]:
        """Its polygons: an outline, followed by the holes in it.

        More than one where parts touch by a corner alone, for outlines do not cross themselves.
        """
        parts, _ = scipy.ndimage.label(self.inside)  # those that touch by a side
        outlines = sorted((ring for ring in self.rings if area_of(ring) > 0), key=area_of)
        found = {self._beside(ring, parts): [ring] for ring in outlines}
        for hole in (ring for ring in self.rings if area_of(ring) < 0):
            found[self._beside(hole, parts)].append(hole)
        return list(found.values())

    def _beside(self, ring: Ring, parts: np.ndarray) -> int:
        """Return the part that a ring belongs to: that of the pixel below its first side."""
        x, y = ring[0]
        return int(parts[y - self.box[1], x - self.box[0]])


def regions_of(mask: np.ndarray, labels: Labels) -> Iterator[Region]:
    """Yield the regions of a mask, class by class, from top to bottom; void has none.

    Args:
        mask: Class indices, uint8, `(height, width)`.
        labels: The classes.
    """
    for index in range(len(labels)):
        numbers, _ = scipy.ndimage.label(mask == index, TOUCHING)
        for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(numbers), start=1):
            inside = numbers[rows, columns] == number
            box = (columns.start, rows.start, inside.shape[1], inside.shape[0])
            rings = tuple(_rings(inside, columns.start, rows.start))
            yield Region(index, int(inside.sum()), box, inside, rings)


def geojson(regions: Iterable[Region], labels: Labels) -> dict[str, Any]:
    """Return regions as a FeatureCollection, in pixels from the image's upper left corner.

    References:
        RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
    """
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"class": labels.names[region.index], "pixels": region.pixels},
                "geometry": {"type": "MultiPolygon", "coordinates": region.polygons},
            }
            for region in regions
        ],
    }


def annotations(
    regions: Iterable[Region], size: tuple[int, int], image: int, first: int
) -> list[dict[str, Any]]:
    """Return regions as annotations of COCO: polygons, or run lengths where there are holes.

    Args:
        regions: Of one image.
        size: `(height, width)` of the image.
        image: The image's number.
        first: The number of the first annotation.

    References:
        https://cocodataset.org/#format-data
    """
    return [
        {
            "id": number,
            "image_id": image,
            "category_id": region.index,
            "segmentation": _segmentation(region, size),
            "area": region.pixels,
            "bbox": list(region.box),
            "iscrowd": 0,
        }
        for number, region in enumerate(regions, start=first)
    ]


def _segmentation(region: Region, size: tuple[int, int]) -> Any:
    if all(area_of(ring) > 0 for ring in region.rings):
        return [[value for corner in ring[:-1] for value in corner] for ring in region.rings]
    left, top, width, height = region.box
    whole = np.zeros(size, bool)
    whole[top : top + height, left : left + width] = region.inside
    flat = whole.ravel(order="F")  # COCO runs down the columns
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = [0, *([0] if flat[0] else []), *changes.tolist(), flat.size]
    return {"size": list(size), "counts": np.diff(ends).tolist()}


def area_of(ring: Ring) -> float:
    """Return the area in a ring: above 0 for an outline, below for a hole."""
    x, y = np.array(ring, float).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _rings(inside: np.ndarray, left: int, top: int) -> Iterator[Ring]:
    """Follow the sides of pixels around a region, which lies to the right of the way.

    A ring begins with the upper side of a pixel: those are taken down first.
    """
    around = np.pad(inside, 1)
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for down, right, start, step in (
        (-1, 0, (0, 0), (1, 0)),
        (0, 1, (1, 0), (0, 1)),
        (1, 0, (1, 1), (-1, 0)),
        (0, -1, (0, 1), (0, -1)),
    ):
        is_side = around & ~np.roll(around, (-down, -right), axis=(0, 1))
        for row, column in np.argwhere(is_side).tolist():
            begin = (column - 1 + start[0], row - 1 + start[1])
            ways.setdefault(begin, []).append(step)
    while ways:
        begin = at = next(iter(ways))
        ring: Ring = []
        step = (0, 0)
        while True:
            # Where two ways leave a corner, the right turn keeps parts that touch there apart.
            turn = (-step[1], step[0])
            if at == begin and ring and turn not in ways.get(at, ()):
                break
            new = turn if turn in ways[at] else ways[at][0]
            ways[at].remove(new)
            if not ways[at]:
                del ways[at]
            if new != step:
                ring.append((at[0] + left, at[1] + top))
            step, at = new, (at[0] + new[0], at[1] + new[1])
        yield [*ring, ring[0]]
