"""The bootstrap's interval: what it must be where that is known."""

import numpy as np
import pytest

from kseg.metrics import mean_iou_interval


def test_images_that_are_alike_leave_nothing_open():
    counts = np.tile([[[3, 2], [4, 4], [5, 3]]], (20, 1, 1))
    expected = np.mean([3 / 6, 2 / 5])
    np.testing.assert_allclose(mean_iou_interval(counts), (expected, expected))


def test_more_images_make_it_narrower_and_a_seed_fixes_it():
    rng = np.random.default_rng(0)

    def width(images):
        right = rng.integers(20, 80, (images, 1, 2))
        counts = np.concatenate([right, np.full_like(right, 100), np.full_like(right, 100)], axis=1)
        lower, upper = mean_iou_interval(counts)
        assert mean_iou_interval(counts) == (lower, upper) != mean_iou_interval(counts, seed=1)
        return upper - lower

    assert width(400) == pytest.approx(width(25) / 4, rel=0.5)


def test_without_an_image_or_a_pixel_there_is_none():
    assert np.isnan(mean_iou_interval(np.zeros((0, 3, 2), int))).all()
    assert np.isnan(mean_iou_interval(np.zeros((3, 3, 2), int))).all()
