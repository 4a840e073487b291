"""Calibration against a case by hand and a loop over pixels."""

import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.metrics import count_calibration, fit_temperature


def test_a_case_by_hand():
    # Ten bins. Sure by 0.95, 0.95, right once: gap |0.5 - 0.95|; by 0.65, right: gap 0.35.
    truth = np.array([[0, 1, 1, 255]])
    predicted = np.array([[0, 0, 1, 0]])
    confidence = np.array([[0.95, 0.95, 0.65, 0.1]])
    found = count_calibration(truth, predicted, confidence, 2, bins=10)
    assert found.expected_error == pytest.approx((2 * 0.45 + 0.35) / 3)
    assert found.overconfidence == pytest.approx((0.95 + 0.95 + 0.65) / 3 - 2 / 3)


def test_equals_a_loop_over_pixels_however_they_are_split():
    rng = np.random.default_rng(0)
    truth = rng.choice([0, 1, 2, 9], (4, 30, 20))
    predicted, confidence = rng.integers(0, 3, truth.shape), rng.uniform(1 / 3, 1, truth.shape)
    parts = [
        count_calibration(*image, 3, ignore=9)
        for image in zip(truth, predicted, confidence, strict=True)
    ]
    found = parts[0] + parts[1] + parts[2] + parts[3]
    bins = [[] for _ in range(15)]
    for t, p, c in zip(truth.ravel(), predicted.ravel(), confidence.ravel(), strict=True):
        if t != 9:
            bins[min(int(c * 15), 14)].append((c, t == p))
    total = sum(map(len, bins))
    expected = sum(abs(np.sum(content, axis=0) @ [1, -1]) for content in bins if content) / total
    assert found.expected_error == pytest.approx(expected)
    assert found.pixels.sum() == total


def test_certain_and_right_is_calibrated_and_nothing_is_no_number():
    truth = np.array([[0, 1]])
    assert count_calibration(truth, truth, np.ones((1, 2)), 2).expected_error == 0
    void = np.full((1, 2), 255)
    assert np.isnan(count_calibration(void, truth, np.ones((1, 2)), 2).expected_error)


@pytest.mark.parametrize("expected", [0.4, 1.0, 2.5])
def test_the_temperature_is_the_one_that_the_classes_were_drawn_with(expected):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (40_000, 5))
    said, true = (
        np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in (logits, logits / expected)
    )
    drawn = (true.cumsum(axis=1) < rng.uniform(size=(len(true), 1))).sum(axis=1)
    assert fit_temperature(said, drawn) == pytest.approx(expected, rel=0.03)


def test_without_pixels_there_is_no_temperature_and_both_must_be_alike():
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, int)) == 1
    certain = np.array([[1.0, 0.0]] * 4)  # log 0 is none
    assert np.isfinite(fit_temperature(certain, np.array([0, 0, 0, 1])))
    with pytest.raises(KsegError, match="Received 4 and 3"):
        fit_temperature(certain, np.zeros(3, int))
