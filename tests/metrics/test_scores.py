"""Scores against a hand-worked example, scikit-learn, and properties."""

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
    for name, value in scores.means.items():
        assert getattr(scores, name) == value
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
    for name in ("pixel_accuracy", "mean_iou", "mean_dice"):
        assert getattr(after, name) >= getattr(before, name) - 1e-12


@settings(max_examples=50, deadline=None)
@given(masks, masks)
def test_scores_are_bounded_and_those_of_overlap_symmetric(truth, predicted):
    one, other = (
        Scores(count_confusion(*pair, 4, None)) for pair in ((truth, predicted), (predicted, truth))
    )
    np.testing.assert_allclose(one.iou, other.iou)
    np.testing.assert_allclose(one.dice, other.dice)
    np.testing.assert_allclose(one.precision, other.accuracy)
    for values in (one.iou, one.dice, one.precision, list(one.means.values())):
        assert (np.nan_to_num(values) >= 0).all()
        assert (np.nan_to_num(values) <= 1).all()


def test_scikit_learn_gives_the_same():
    peer = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth, predicted = rng.choice([0, 1, 2, 3], (2, 30, 40), p=[0.6, 0.3, 0.09, 0.01])
    scores = Scores(count_confusion(truth, predicted, 4, None))
    pair = truth.ravel(), predicted.ravel()
    np.testing.assert_array_equal(scores.matrix, peer.confusion_matrix(*pair))
    np.testing.assert_allclose(scores.iou, peer.jaccard_score(*pair, average=None))
    np.testing.assert_allclose(scores.dice, peer.f1_score(*pair, average=None))
    np.testing.assert_allclose(scores.precision, peer.precision_score(*pair, average=None))
    np.testing.assert_allclose(scores.accuracy, peer.recall_score(*pair, average=None))
    assert scores.mean_pixel_accuracy == pytest.approx(peer.balanced_accuracy_score(*pair))
    weighted = peer.jaccard_score(*pair, average="weighted")
    assert scores.frequency_weighted_iou == pytest.approx(weighted)


def test_a_class_that_the_data_does_not_have_is_no_hit_of_another():
    with pytest.raises(ValueError, match="the classes 0 to 2, but the model predicts class 20"):
        count_confusion(np.array([[2, 0]]), np.array([[20, 0]]), 3, 255)


@settings(max_examples=50, deadline=None)
@given(masks, masks, st.permutations(range(36)))
def test_the_order_of_pixels_does_not_matter(truth, predicted, order):
    one = count_confusion(truth, predicted, 4, None)
    other = count_confusion(truth.flat[list(order)], predicted.flat[list(order)], 4, None)
    np.testing.assert_array_equal(one, other)
