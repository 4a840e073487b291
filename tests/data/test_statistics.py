"""Class weights by their papers' formulas, and the look at every sample."""

import numpy as np
import pytest

from kseg.data import ShapesSamples
from kseg.data.statistics import class_weights, enet, median_frequency, survey

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
