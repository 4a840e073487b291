"""Images at the size that a network is shown."""

import numpy as np
import pytest

import kseg
from kseg.data import ArraySamples
from kseg.data.resizing import Squashed, resized_image, shown_size
from kseg.labels import Labels
from kseg.training.data import open_data

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("size", "max_side", "resize", "expected"),
    [
        ((720, 960), 320, "aspect", (240, 320)),
        ((100, 60), 320, "aspect", (100, 60)),  # never larger
        ((1, 999), 10, "aspect", (1, 10)),  # never nothing
        ((720, 960), 320, "squash", (320, 320)),
        ((100, 60), 320, "squash", (320, 320)),
        ((720, 960), 320, "none", (720, 960)),
        ((720, 960), None, "squash", (720, 960)),
    ],
)
def test_the_size_that_is_shown(size, max_side, resize, expected):
    assert shown_size(size, max_side, resize) == expected


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_smaller_is_the_mean_of_each_channel(channels):
    pixels = RNG.integers(0, 256, (6, 8, channels), dtype=np.uint8)
    expected = pixels.reshape(3, 2, 4, 2, channels).mean(axis=(1, 3))
    np.testing.assert_allclose(resized_image(pixels, (3, 4)), expected, atol=1)


def test_larger_is_interpolated():
    pixels = np.array([0, 100], np.uint8).reshape(1, 2, 1)
    found = resized_image(pixels, (1, 4))[0, :, 0]
    assert found.tolist() == [
        0,
        25,
        75,
        100,
    ]  # pixel centres at 0.5 and 1.5, asked at 0.25, 0.75, ...


def test_the_size_of_the_image_itself_changes_nothing():
    pixels = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert resized_image(pixels, (5, 7)) is pixels


def test_squashed_samples_are_square_and_hold_no_other_class():
    images = RNG.integers(0, 256, (1, 12, 30, 3), dtype=np.uint8)
    masks = np.zeros((1, 12, 30), np.uint8)
    masks[:, 6:, 15:] = 2
    masks[:, :6, :15] = 255
    found = Squashed(ArraySamples(images, masks, Labels(("a", "b", "c"))), 20)
    assert len(found) == 1
    sample = found[0]
    assert (sample.image.shape, sample.mask.shape) == ((20, 20, 3), (20, 20))
    expected = np.zeros((20, 20), np.uint8)
    expected[10:, 10:], expected[:10, :10] = 2, 255
    np.testing.assert_array_equal(sample.mask, expected)


@pytest.mark.parametrize(
    ("resize", "expected"), [("aspect", (20, 24)), ("squash", (24, 24)), ("none", (40, 48))]
)
def test_a_training_is_shown_images_as_its_recipe_says(rectangles, resize, expected):
    recipe = kseg.make_recipe(data=rectangles, resize=resize, max_side=24)
    splits = open_data(recipe).splits
    assert {sample.mask.shape for sample in (splits.train[0], splits.val[0])} == {expected}
