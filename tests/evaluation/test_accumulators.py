"""Accumulators, image by image, against all images at once and a case by hand."""

import numpy as np
import pytest

from kseg.data import Sample
from kseg.errors import KsegError
from kseg.evaluation import Borders, CalibrationCounts, ConfusionCounts
from kseg.inference import Decided
from kseg.labels import Labels
from kseg.metrics import count_calibration, score_borders

pytestmark = pytest.mark.backend

LABELS = Labels(("a", "b", "c"), ignore=9)


def images(count):
    """Samples with their predicted masks and confidence, of different sizes and with void."""
    rng = np.random.default_rng(0)
    for index in range(count):
        size = (10 + index, 12)
        sample = Sample(str(index), np.zeros((*size, 3), np.uint8), rng.choice([0, 1, 2, 9], size))
        yield sample, rng.integers(0, 3, size), rng.random(size)


def told(mask, confidence):
    return Decided(mask, confidence, 1 - confidence)


def fed(accumulator, count):
    for sample, mask, confidence in images(count):
        accumulator.update(sample, told(mask, confidence))
    return accumulator.result()


def test_a_case_of_counts_by_hand():
    counts = ConfusionCounts(LABELS)
    picture = np.zeros((1, 4, 3), np.uint8)
    sure = np.ones((1, 4))
    one, two = np.array([[0, 0, 1, 9]]), np.array([[2, 2, 2, 0]])
    counts.update(Sample("x", picture, one), told(np.array([[0, 1, 1, 2]]), sure))
    counts.update(Sample("y", picture, two), told(np.array([[2, 0, 2, 0]]), sure))
    found = counts.result()
    np.testing.assert_array_equal(found.matrix, [[2, 1, 0], [0, 1, 0], [1, 0, 2]])
    assert found.names == ("x", "y")
    np.testing.assert_array_equal(found.per_image[0], [[1, 1, 0], [2, 1, 0], [1, 2, 0]])
    np.testing.assert_array_equal(found.per_image[1], [[1, 0, 2], [1, 0, 3], [2, 0, 2]])


def test_the_counts_of_the_images_are_those_of_the_matrix():
    found = fed(ConfusionCounts(LABELS), 4)
    correct, truth, predicted = found.per_image.sum(axis=0)
    np.testing.assert_array_equal(correct, np.diag(found.matrix))
    np.testing.assert_array_equal(truth, found.matrix.sum(axis=1))
    np.testing.assert_array_equal(predicted, found.matrix.sum(axis=0))


def test_a_result_does_not_change_with_what_comes_after():
    counts = ConfusionCounts(LABELS)
    fed(counts, 1)
    first = counts.result()
    total = first.matrix.sum()
    fed(counts, 2)
    assert first.matrix.sum() == total < counts.result().matrix.sum()


def test_borders_add_up():
    found = fed(Borders(LABELS, 2), 3)
    each = [score_borders(sample.mask, mask, 3, 9, 2) for sample, mask, _ in images(3)]
    assert found.tolerance == 2
    np.testing.assert_array_equal(found.counts, sum(one.counts for one in each))
    np.testing.assert_allclose(found.distances, sum(one.distances for one in each))


def test_calibration_is_that_of_all_pixels_together():
    found = fed(CalibrationCounts(LABELS), 3)
    rows = [
        [part.ravel() for part in (sample.mask, mask, confidence)]
        for sample, mask, confidence in images(3)
    ]
    truth, mask, confidence = (np.concatenate(part)[None] for part in zip(*rows, strict=True))
    expected = count_calibration(truth, mask, confidence, 3, 9)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    np.testing.assert_array_equal(found.correct, expected.correct)
    np.testing.assert_allclose(found.confidence, expected.confidence)


def test_nothing_seen_is_no_score():
    counts = ConfusionCounts(LABELS).result()
    assert counts.matrix.sum() == len(counts.names) == 0
    assert counts.per_image.shape == (0, 3, 3)
    assert Borders(LABELS, 1).result() is CalibrationCounts(LABELS).result() is None


@pytest.mark.parametrize("tolerance", [0, -1, float("nan"), "wide"])
def test_a_tolerance_of_nothing_is_refused(tolerance):
    with pytest.raises(KsegError, match="border must be a number above 0"):
        Borders(LABELS, tolerance)
