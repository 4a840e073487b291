"""The built-in data set: deterministic, varied, honest masks."""

import numpy as np
import pytest

from kseg.data import ShapesSamples
from kseg.data.sources.shapes import LABELS, SHAPES


def test_a_sample_depends_on_seed_split_and_index_alone():
    one, other = ShapesSamples(seed=3)[5], ShapesSamples(seed=3, count=9)[5]
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.mask, other.mask)
    for different in (
        ShapesSamples(seed=4)[5],
        ShapesSamples("val", seed=3)[5],
        ShapesSamples()[6],
    ):
        assert (different.image != one.image).any()


@pytest.mark.parametrize("size", [(96, 96), (50, 81)])
def test_images_and_masks_are_of_the_form(size):
    sample = ShapesSamples(size=size)[0]
    assert sample.image.shape == (*size, 3)
    assert sample.mask.shape == size
    assert sample.image.dtype == sample.mask.dtype == np.uint8


def test_every_class_occurs_and_background_is_not_all():
    samples = ShapesSamples(count=60)
    counts = sum(np.bincount(samples[i].mask.ravel(), minlength=6) for i in range(60))
    share = counts / counts.sum()
    assert (share[1:] > 0.01).all()
    assert 0.5 < share[0] < 0.95


def test_areas_are_those_of_geometry():
    grid = np.linspace(-1, 1, 801)
    areas = [shape(grid[:, None], grid[None, :]).mean() * 4 for shape in SHAPES]
    inner, fifth = 0.45, 2 * np.pi / 5
    expected = [
        np.pi,
        1.6**2,
        3 * np.sqrt(3) / 4,
        10 * 0.5 * inner * np.sin(fifth / 2),
        np.pi * (1 - 0.55**2),
    ]
    np.testing.assert_allclose(areas, expected, rtol=0.02)
    assert len(LABELS) == len(SHAPES) + 1


def test_an_index_outside_is_refused():
    with pytest.raises(IndexError, match="has 3 samples"):
        ShapesSamples(count=3)[3]
