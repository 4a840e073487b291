"""Mixing: values by properties, nothing invented."""

import numpy as np
import pytest

from kseg.data import TrainingBatches, augmentation
from kseg.data.augment.mixing import copy_paste, cutmix, draw_class
from tests.data.test_batches import Numbered


def pair(value, size=(20, 30)):
    """An image and a mask of one value, but for a corner of the class after it."""
    mask = np.full(size, value, np.uint8)
    mask[:3, :4] = value + 1
    return np.repeat(mask[..., None], 3, axis=-1), mask


def test_cutmix_keeps_image_and_mask_together_in_one_rectangle():
    parts = []
    for seed in range(200):
        image, mask = cutmix(*pair(0), *pair(5), np.random.default_rng(seed))
        np.testing.assert_array_equal(image[..., 0], mask)
        inside = mask >= 5
        rows, columns = inside.any(axis=1), inside.any(axis=0)
        assert inside.sum() == rows.sum() * columns.sum()
        parts.append(inside.mean())
    assert np.mean(parts) == pytest.approx(0.5, abs=0.06)
    assert min(parts) < 0.05
    assert max(parts) > 0.95


def test_copy_paste_takes_one_class_whole():
    mix = copy_paste([0, 0, 0, 0, 0, 0, 1])
    image, mask = mix(*pair(0), *pair(5), np.random.default_rng(0))
    np.testing.assert_array_equal(image[..., 0], mask)
    assert (mask == 6).sum() == 12
    assert set(np.unique(mask)) == {0, 6}
    untouched, _ = copy_paste([1, 1])(*pair(0), *pair(5), np.random.default_rng(0))
    np.testing.assert_array_equal(untouched, pair(0)[0])


def test_classes_are_drawn_by_their_weights():
    mask = np.array([[0, 0, 0, 1, 2, 255]])
    rng = np.random.default_rng(0)
    drawn = [draw_class(mask, [1, 3, 0, 9], rng) for _ in range(2000)]
    assert np.bincount(drawn).tolist() == pytest.approx([500, 1500], rel=0.1)
    assert draw_class(mask, [0, 0, 0], rng) is None


def test_batches_mix_by_seed_alone():
    def batches(workers):
        return TrainingBatches(
            Numbered(12), 4, augmentation("none", (4, 6), 255), 3, workers, mix=cutmix
        )

    one, other = batches(1), batches(3)
    for index in range(3):
        for mine, theirs in zip(one[index], other[index], strict=True):
            np.testing.assert_array_equal(mine, theirs)
    images = np.concatenate([one[index][0] for index in range(3)])
    mixed = [len(np.unique(image)) > 1 for image in images]
    assert 2 <= sum(mixed) <= 10
