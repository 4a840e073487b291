"""Polygons along the sides of pixels: by hand, and filled again for any mask."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kseg.labels import Labels
from kseg.reports.regions import annotations, area_of, geojson, regions_of

LABELS = Labels(("ground", "box", "ring"))
RING = np.array([[2, 2, 2, 0], [2, 1, 2, 0], [2, 2, 2, 255]], np.uint8)
MASKS = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 255]),
)


def test_a_region_with_a_hole_by_hand():
    ground, box, ring = regions_of(RING, LABELS)
    assert (ring.index, ring.pixels, ring.box) == (2, 8, (0, 0, 3, 3))
    ((outline, inner),) = ring.polygons
    assert sorted(set(outline)) == [(0, 0), (0, 3), (3, 0), (3, 3)]
    assert sorted(set(inner)) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert outline[0] == outline[-1]
    assert (area_of(outline), area_of(inner)) == (9, -1)
    assert (ground.pixels, box.pixels) == (2, 1)
    content = json.loads(json.dumps(geojson([ring], LABELS)))
    assert content["features"][0]["properties"] == {"class": "ring", "pixels": 8}
    assert len(content["features"][0]["geometry"]["coordinates"][0]) == 2


def test_a_hole_belongs_to_the_part_around_it():
    """Of two parts that touch by a corner alone, the box of the smaller covers the hole."""
    inside = np.zeros((10, 12), bool)
    inside[:, 0] = inside[9, :10] = True
    inside[1:8, 2:9] = True
    inside[4, 5] = False
    inside[7, 9] = inside[7, 10] = inside[8, 10] = True
    (region,) = regions_of(np.where(inside, 1, 255).astype(np.uint8), LABELS)
    areas = sorted(sum(area_of(ring) for ring in polygon) for polygon in region.polygons)
    assert areas == [19, 51]
    for outline, *holes in region.polygons:
        assert len(holes) == (area_of(outline) == 52)


def test_annotations_of_coco_by_hand():
    ground, box, ring = annotations(regions_of(RING, LABELS), RING.shape, image=7, first=3)
    assert [one["id"] for one in (ground, box, ring)] == [3, 4, 5]
    assert (ring["image_id"], ring["category_id"], ring["area"]) == (7, 2, 8)
    # Down the columns: none outside, four of the ring, the box, four of the ring, three others.
    assert ring["segmentation"] == {"size": [3, 4], "counts": [0, 4, 1, 4, 3]}
    (polygon,) = ground["segmentation"]
    corners = sorted(zip(polygon[::2], polygon[1::2], strict=True))
    assert corners == [(3, 0), (3, 2), (4, 0), (4, 2)]
    assert (ground["bbox"], ground["area"]) == ([3, 0, 1, 2], 2)


@settings(deadline=None, max_examples=100)
@given(MASKS)
def test_polygons_filled_again_are_the_mask(mask):
    """A pixel is inside where a line from the left crosses an odd number of sides."""
    filled = np.full(mask.shape, 255, np.uint8)
    for region in regions_of(mask, LABELS):
        crossings = np.zeros((mask.shape[0], mask.shape[1] + 1), int)
        for ring in region.rings:
            for (x, y), (to_x, to_y) in zip(ring, ring[1:], strict=False):
                assert (x == to_x) != (y == to_y)
                crossings[min(y, to_y) : max(y, to_y), x] += x == to_x
        inside = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
        assert inside.sum() == region.pixels
        assert sum(area_of(ring) for ring in region.rings) == region.pixels
        assert sum(len(polygon) for polygon in region.polygons) == len(region.rings)
        for outline, *holes in region.polygons:
            assert area_of(outline) > 0
            assert all(area_of(hole) < 0 for hole in holes)
        filled[inside] = region.index
    np.testing.assert_array_equal(filled, mask)


@settings(deadline=None, max_examples=50)
@given(MASKS)
def test_run_lengths_are_the_region(mask):
    for told, region in zip(
        annotations(regions_of(mask, LABELS), mask.shape, 1, 1),
        regions_of(mask, LABELS),
        strict=True,
    ):
        if isinstance(told["segmentation"], list):
            continue
        counts = told["segmentation"]["counts"]
        flat = np.repeat(np.arange(len(counts)) % 2, counts)
        found = flat.reshape(mask.shape, order="F").astype(bool)
        left, top, width, height = region.box
        assert found.sum() == region.pixels
        np.testing.assert_array_equal(found[top : top + height, left : left + width], region.inside)


def test_void_has_no_regions():
    assert list(regions_of(np.full((2, 2), 255, np.uint8), LABELS)) == []
