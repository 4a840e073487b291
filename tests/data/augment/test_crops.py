"""Crops: those that look for the rare, and those of a scaled image."""

import numpy as np
import pytest

from kseg.data import augmentation
from kseg.data.augment.crops import GREY, crop_with, scaled_crop

VOID = 255


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


def test_crops_that_look_for_nothing_are_spread_evenly():
    image, mask = np.zeros((20, 12, 3), np.uint8), np.arange(240).reshape(20, 12)
    rng = np.random.default_rng(0)
    corners = [crop_with(image, mask, (17, 9), (), rng)[1][0, 0] for _ in range(3200)]
    counts = np.unique(corners, return_counts=True)[1]
    assert len(counts) == 4 * 4
    assert 150 < counts.min() <= counts.max() < 250


def ramp(height, width):
    """An image that tells each pixel's row and column, and a mask of its left half."""
    rows, columns = np.indices((height, width))
    mask = (columns < width // 2).astype(np.uint8)
    return np.dstack([rows, columns, 200 * mask]).astype(np.uint8), mask


def test_a_crop_at_scale_one_is_a_window_of_the_image():
    image, mask = ramp(60, 80)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        crop, classes = scaled_crop(image, mask, (20, 30), (1, 1), VOID, (), rng)
        top, left = crop[0, 0, :2]
        np.testing.assert_array_equal(crop, image[top : top + 20, left : left + 30])
        np.testing.assert_array_equal(classes, mask[top : top + 20, left : left + 30])


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_scaled_crop_shows_as_much_of_the_image_as_its_factor_says(factor):
    image, mask = ramp(120, 160)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        crop, _ = scaled_crop(image, mask, (40, 48), (factor, factor), VOID, (), rng)
        slopes = np.diff(crop[20, :, 1].astype(int)), np.diff(crop[:, 20, 0].astype(int))
        for slope in slopes:
            assert slope[1:-1].mean() == pytest.approx(1 / factor, abs=0.03)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.6])
def test_the_mask_of_a_scaled_crop_lies_on_its_image(factor):
    """A disc off the centre: bright pixels are those of class 1, but for a few at the border."""
    rows, columns = np.indices((40, 40))
    mask = ((rows - 15) ** 2 + (columns - 23) ** 2 < 8**2).astype(np.uint8)
    image = np.dstack([200 * mask] * 3)
    size, rng = (80, 80), np.random.default_rng(0)
    crop, classes = scaled_crop(image, mask, size, (factor, factor), VOID, (), rng)
    shown = classes != VOID
    side = round(40 * factor)
    assert shown.sum() == side * side
    above = (80 - side) // 2
    assert shown[above : above + side, above : above + side].all()
    assert (crop[~shown] == GREY).all()
    bright, one = (crop[..., 2] > 100) & shown, classes == 1
    assert (bright & one).sum() / (bright | one).sum() > 0.97


def test_a_scaled_crop_finds_the_rare():
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    mask[60:, 60:] = 1
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert 1 in scaled_crop(image, mask, (16, 16), (0.8, 1.5), VOID, [0, 1], rng)[1]


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_bands_are_scaled_padded_and_cropped_alike(channels):
    """Every band is the same picture, so every band of the crop is."""
    band, mask = ramp(40, 40)[0][..., 1:2], np.zeros((40, 40), np.uint8)
    for factor in (0.7, 1.0, 2.5):
        both = (
            scaled_crop(image, mask, (61, 50), (factor, factor), VOID, (), np.random.default_rng(1))
            for image in (np.repeat(band, channels, axis=2), np.repeat(band, 3, axis=2))
        )
        (crop, classes), (colors, same) = both
        assert crop.shape == (61, 50, channels)
        for index in range(channels):
            np.testing.assert_array_equal(crop[..., index], colors[..., 0])
        np.testing.assert_array_equal(classes, same)


def test_where_the_margins_are_odd_more_is_padded_below_and_right():
    image, mask = np.full((3, 4, 2), 9, np.uint8), np.zeros((3, 4), np.uint8)
    crop, classes = scaled_crop(image, mask, (6, 7), (1, 1), VOID, (), np.random.default_rng(0))
    np.testing.assert_array_equal(np.argwhere(classes == 0)[[0, -1]], [[1, 1], [3, 4]])
    assert (crop[classes == 0] == 9).all()
    assert (crop[classes == VOID] == GREY).all()
