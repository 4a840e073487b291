"""The bootstrap's interval: what it must be where that is known."""

import numpy as np
import pytest

from kseg.metrics import (
    iou_gain_intervals,
    iou_intervals,
    mean_iou_gain_interval,
    mean_iou_interval,
)


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


def counts_of(iou, images, rng, blocks=None):
    """Counts of two classes of 100 pixels, rightly predicted as their images' (blocks') luck is."""
    luck = rng.normal(0, 0.15, images if blocks is None else blocks)
    luck = luck if blocks is None else np.repeat(luck, images // blocks)
    right = np.clip(np.round(100 * (iou + luck)), 1, 100).astype(int)
    both = np.stack([right, right], axis=-1)[:, None]
    return np.concatenate([both, np.full_like(both, 100), np.full_like(both, 100)], axis=1)


def test_an_interval_by_groups_holds_the_truth_where_images_of_a_group_are_alike():
    """100 data sets of 15 videos with 20 frames each: by groups about 95 hold it, else few do."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(15), 20)
    large = counts_of(0.6, 100_000, rng)
    truth = mean_iou_interval(large)[0]
    held = {"groups": 0, "images": 0}
    for _ in range(100):
        counts = counts_of(0.6, 300, rng, blocks=15)
        for name, wanted in (("groups", groups), ("images", None)):
            lower, upper = mean_iou_interval(counts, groups=wanted)
            held[name] += lower <= truth <= upper
    assert held["groups"] >= 80
    assert held["images"] <= 50


def test_the_interval_of_each_class_is_that_of_a_data_set_of_it_alone():
    rng = np.random.default_rng(1)
    counts = rng.integers(20, 80, (30, 1, 2)) + np.array([0, 100, 100])[None, :, None]
    intervals = iou_intervals(counts)
    for index in range(2):
        alone = mean_iou_interval(counts[..., index : index + 1])
        np.testing.assert_allclose(intervals[index], alone)
    absent = np.concatenate([counts, np.zeros((30, 3, 1), int)], axis=-1)
    assert np.isnan(iou_intervals(absent)[2]).all()


def test_the_gain_of_each_class_is_that_of_the_mean_over_it_alone():
    rng = np.random.default_rng(2)
    one, other = (
        rng.integers(20, 80, (30, 1, 2)) + np.array([0, 100, 100])[None, :, None] for _ in "ab"
    )
    groups = np.arange(30) // 3
    found = iou_gain_intervals(one, other, groups=groups)
    for index in range(2):
        alone = [counts[..., index : index + 1] for counts in (one, other)]
        np.testing.assert_allclose(found[index], mean_iou_gain_interval(*alone, groups=groups))
