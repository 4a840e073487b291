"""Class weights by their papers' formulas, and the look at every sample."""

import numpy as np
import pytest

from kseg.data import ArraySamples, ShapesSamples, Source
from kseg.data.statistics import (
    class_weights,
    describe,
    effective_number,
    enet,
    inverse_frequency,
    median_frequency,
    survey,
)
from kseg.labels import Labels, read_labels

# Three images of 100 valid pixels; class 2 occurs in the first alone, class 3 nowhere.
PIXELS = np.array([[50, 40, 10, 0], [80, 20, 0, 0], [100, 0, 0, 0]])


def test_median_frequency_by_hand():
    # f = 230/300, 60/200, 10/100; the median is 0.3.
    expected = [0.3 / (230 / 300), 1, 3, 0]
    np.testing.assert_allclose(median_frequency(PIXELS), expected)


def test_enet_by_hand():
    expected = 1 / np.log(1.02 + np.array([230, 60, 10, 0]) / 300)
    np.testing.assert_allclose(enet(PIXELS), expected)
    assert enet(PIXELS).max() == pytest.approx(1 / np.log(1.02))


def test_an_unknown_weighting_suggests_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'median'"):
        class_weights("medain", PIXELS)


def test_survey_counts_every_sample():
    samples, seen = ShapesSamples(count=5, size=(20, 30)), []
    found = survey(samples, lambda: seen.append(1))
    assert len(seen) == 5
    assert found.sizes.tolist() == [[20, 30]] * 5
    for index in range(5):
        expected = [(samples[index].mask == c).sum() for c in range(6)]
        assert found.pixels[index].tolist() == expected


def test_survey_stops_at_a_broken_sample():
    class Broken(ShapesSamples):
        def __getitem__(self, index):
            if index == 3:
                raise ValueError("x.png is broken")
            return super().__getitem__(index)

    with pytest.raises(ValueError, match=r"x\.png is broken"):
        survey(Broken(count=6))
    with pytest.raises(ValueError, match="no sample"):
        survey(ShapesSamples(count=0))


def test_inverse_frequency_by_hand():
    # 300 pixels of three classes: 100 each would be alike.
    np.testing.assert_allclose(inverse_frequency(PIXELS), [100 / 230, 100 / 60, 100 / 10, 0])


def test_effective_number_by_hand():
    beta = 0.99
    weights = np.array([(1 - beta) / (1 - beta**n) for n in (230, 60, 10)])
    expected = [*(weights / weights.mean()), 0]
    np.testing.assert_allclose(effective_number(PIXELS, beta), expected)
    np.testing.assert_allclose(effective_number(PIXELS, 0), [1, 1, 1, 0])
    default = effective_number(PIXELS)
    np.testing.assert_allclose(default, effective_number(PIXELS, 1 - 1 / 300))
    with pytest.raises(ValueError, match="beta must be"):
        effective_number(PIXELS, 1.0)


def test_statistics_by_hand():
    mask = np.array([[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 0, 255], [1, 0, 0, 255]], np.uint8)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(2)]
    labels = Labels(("a", "b", "c"))
    found = describe(ArraySamples(images, [mask, np.zeros_like(mask)], labels))
    assert found.pixels.tolist() == [[9, 3, 2], [16, 0, 0]]
    assert found.void.tolist() == [2, 0]
    assert [sorted(areas.tolist()) for areas in found.areas] == [[9, 16], [1, 2], [2]]
    np.testing.assert_allclose(found.mean, np.concatenate(images).mean(axis=(0, 1)))
    np.testing.assert_allclose(found.std, np.concatenate(images).std(axis=(0, 1)))


def test_the_real_images_count_as_their_page_says(camvid):
    source = Source(str(camvid))
    found = describe(source.split("train", read_labels(source.layout.classes_file)))
    counts = [
        10682767, 14750079, 623349, 20076880, 2845085, 6166762, 743859, 714595, 3719877, 405385,
        184967,
    ]  # fmt: skip
    assert found.pixels.sum(axis=0).tolist() == counts
    assert found.void.sum() == 2503995
    assert [areas.sum() for areas in found.areas] == counts
