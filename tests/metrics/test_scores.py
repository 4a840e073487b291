"""Scores against a hand-worked example and scikit-learn's definitions in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kseg.metrics import Scores
from kseg.metrics.confusion import count_confusion


def test_a_case_by_hand():
    # truth 0 0 0 1 1 / predicted 0 0 1 1 0; class 2 occurs nowhere.
    scores = Scores(np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0]]))
    np.testing.assert_allclose(scores.iou, [2 / 4, 1 / 3, np.nan])
    np.testing.assert_allclose(scores.dice, [4 / 6, 2 / 4, np.nan])
    np.testing.assert_allclose(scores.accuracy, [2 / 3, 1 / 2, np.nan])
    assert scores.means == pytest.approx(
        {
            "mean_iou": (2 / 4 + 1 / 3) / 2,
            "mean_dice": (4 / 6 + 2 / 4) / 2,
            "pixel_accuracy": 3 / 5,
            "mean_pixel_accuracy": (2 / 3 + 1 / 2) / 2,
            "frequency_weighted_iou": 3 / 5 * 2 / 4 + 2 / 5 * 1 / 3,
        }
    )
    np.testing.assert_allclose(scores.precision, [2 / 3, 1 / 2, np.nan])


def test_a_class_predicted_but_never_true_counts_as_zero():
    scores = Scores(np.array([[3, 1], [0, 0]]))
    np.testing.assert_allclose(scores.iou, [3 / 4, 0])
    np.testing.assert_allclose(scores.accuracy, [3 / 4, np.nan])


def test_nothing_counted_has_no_score():
    assert all(np.isnan(value) for value in Scores(np.zeros((2, 2), np.int64)).means.values())


def test_counting_leaves_void_and_strangers_out():
    truth = np.array([[0, 1, 2], [255, 9, 1]])
    predicted = np.array([[0, 2, 2], [1, 1, 1]])
    counts = count_confusion(truth, predicted, 3, 255)
    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 1, 1], [0, 0, 1]])


masks = arrays.arrays(np.uint8, (6, 6), elements=st.integers(0, 3))


@settings(max_examples=50, deadline=None)
@given(masks, masks, st.integers(0, 35))
def test_mending_a_wrong_pixel_never_lowers_a_score_of_its_class(truth, predicted, place):
    mended = predicted.copy()
    mended.flat[place] = truth.flat[place]
    before = Scores(count_confusion(truth, predicted, 4, None))
    after = Scores(count_confusion(truth, mended, 4, None))
    target = truth.flat[place]
    assert after.iou[target] >= before.iou[target]
    assert after.means["pixel_accuracy"] >= before.means["pixel_accuracy"]


@settings(max_examples=50, deadline=None)
@given(masks, masks, st.permutations(range(36)))
def test_the_order_of_pixels_does_not_matter(truth, predicted, order):
    one = count_confusion(truth, predicted, 4, None)
    other = count_confusion(truth.flat[list(order)], predicted.flat[list(order)], 4, None)
    np.testing.assert_array_equal(one, other)
