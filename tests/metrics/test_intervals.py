"""The bootstrap's interval: what it must be where that is known."""

import numpy as np
import pytest

from kseg.metrics import mean_iou_gain_interval, mean_iou_interval


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


def test_a_gain_on_every_image_is_certain_however_the_images_differ():
    """Half of the pixels of each class is right, or all: 1 less (5 over 15), whatever is drawn."""
    rng = np.random.default_rng(0)
    size = rng.integers(1, 1000, 20) * 2
    before = np.stack([np.stack([[n // 2] * 2, [n] * 2, [n] * 2]) for n in size])
    counts = np.stack([np.stack([[n] * 2, [n] * 2, [n] * 2]) for n in size])
    np.testing.assert_allclose(mean_iou_gain_interval(counts, before), (2 / 3, 2 / 3))
    np.testing.assert_allclose(mean_iou_gain_interval(before, before), (0, 0))
    some = np.where(np.arange(20)[:, None, None] % 2, counts, before)  # better on every other one
    lower, upper = mean_iou_gain_interval(some, before)
    assert 0 < lower < upper < 2 / 3
    assert np.isnan(mean_iou_gain_interval(counts[:0], before[:0])).all()
