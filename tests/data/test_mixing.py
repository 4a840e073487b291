"""Mixing and rare crops: values by properties, nothing invented."""

import numpy as np
import pytest

from kseg.data import TrainingBatches, augmentation
from kseg.data.mixing import copy_paste, crop_with, cutmix, draw_class
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


def test_a_rare_crop_holds_the_class_and_reaches_every_place():
    mask = np.zeros((50, 60), np.uint8)
    mask[0, 59] = 1
    image = np.dstack([*np.indices(mask.shape), mask]).astype(np.uint8)
    tops = set()
    for seed in range(50):
        rng = np.random.default_rng(seed)
        window, cropped = crop_with(image, mask, (16, 16), [0, 1], rng)
        assert cropped.shape == (16, 16)
        assert 1 in cropped
        np.testing.assert_array_equal(window[..., 2], cropped)
        tops.add(window[0, 0, 0])
    assert tops == {0}
    empty, corners = np.zeros_like(mask), set()
    for seed in range(40):
        window, _ = crop_with(image, empty, (49, 59), [0, 1], np.random.default_rng(seed))
        corners.add(tuple(window[0, 0, :2].tolist()))
    assert corners == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_every_other_crop_of_an_augmentation_looks_for_the_rare():
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    mask[63, 63] = 1
    for rare, expected in ((None, 0.0), ([0, 1], 0.5)):
        augment = augmentation("none", (16, 16), 255, rare=rare)
        results = [augment(image, mask, seed)[1] for seed in range(400)]
        assert {result.shape for result in results} == {(16, 16)}
        assert np.mean([1 in result for result in results]) == pytest.approx(expected, abs=0.07)


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
