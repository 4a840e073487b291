"""Decisions class by class against all classes at once."""

import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.inference import Probabilities, decide
from kseg.inference.probabilities import averaged

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("classes", [2, 3, 21])
@pytest.mark.parametrize("size", [(6, 9), (25, 31), (3, 4)])
def test_the_likeliest_class_of_each_pixel(classes, size):
    values = np.random.default_rng(0).dirichlet(np.ones(classes), (6, 9)).astype(np.float32)
    probabilities = Probabilities(values, size)
    mask, confidence, _ = decide(probabilities)
    everything = probabilities.array()
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, everything.argmax(axis=-1))
    np.testing.assert_array_equal(confidence, everything.max(axis=-1))


@pytest.mark.parametrize("size", [(2, 2), (8, 8)])
def test_the_first_of_equals_is_taken(size):
    values = np.zeros((2, 2, 4), np.float32)
    values[..., 1] = values[..., 3] = 0.5
    mask, confidence, _ = decide(Probabilities(values, size))
    np.testing.assert_array_equal(mask, np.ones(size))
    np.testing.assert_array_equal(confidence, np.full(size, 0.5))


@pytest.mark.parametrize("size", [(1, 4), (2, 4)])
def test_a_single_output_is_foreground_from_a_half_on(size):
    values = np.float32([0.25, 0.5, 0.75, 1.0]).reshape(1, 4, 1)
    mask, confidence, _ = decide(Probabilities(values, size))
    for row, sure in zip(mask, confidence, strict=True):
        np.testing.assert_array_equal(row, [0, 1, 1, 1])
        np.testing.assert_array_equal(sure, np.float32([0.75, 0.5, 0.75, 1.0]))


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("size", [(6, 9), (11, 20)])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_temperature_changes_how_sure_it_is_and_no_class(classes, size, temperature):
    values = np.random.default_rng(0).dirichlet(np.ones(classes + 1), (6, 9)).astype(np.float32)
    values = values[..., :1] if classes == 1 else values
    mask, plain, _ = decide(Probabilities(values, size))
    warm = Probabilities(values, size, temperature=temperature)
    same, confidence, _ = decide(warm)
    np.testing.assert_array_equal(same, mask)
    np.testing.assert_allclose(confidence, warm.array().max(axis=-1), rtol=1e-5)
    assert ((confidence < plain) if temperature > 1 else (confidence > plain)).mean() > 0.95


@pytest.mark.parametrize("size", [(6, 9), (11, 20)])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_measures_of_doubt_are_those_of_all_classes(size, temperature):
    values = np.random.default_rng(0).dirichlet(np.ones(4), (6, 9)).astype(np.float32)
    found = {
        doubt: decide(Probabilities(values, size, temperature=temperature, doubt=doubt))
        for doubt in ("confidence", "entropy", "margin")
    }
    p = Probabilities(values, size, temperature=temperature).array().astype(np.float64)
    p /= p.sum(axis=-1, keepdims=True)
    ordered = np.sort(p, axis=-1)
    expected = {
        "confidence": 1 - ordered[..., -1],
        "entropy": -(p * np.log(p)).sum(axis=-1) / np.log(4),
        "margin": 1 - (ordered[..., -1] - ordered[..., -2]),
    }
    for doubt, decided in found.items():
        np.testing.assert_allclose(decided.doubt, expected[doubt], atol=1e-5)
        assert decided.uncertainty == pytest.approx(expected[doubt].mean(), abs=1e-5)


def test_doubt_by_hand_of_a_single_output():
    values = np.float32([[[0.5], [1.0], [0.8]]])
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2)) / np.log(2)
    for doubt, expected in (("entropy", [1, 0, entropy]), ("margin", [1, 0, 0.4])):
        found = decide(Probabilities(values, (1, 3), doubt=doubt))
        np.testing.assert_allclose(found.doubt, [expected], atol=1e-6)


def test_answers_that_are_sure_of_different_classes_disagree():
    """One says a, the other b: the mean knows nothing, and neither doubted. Alike, they agree."""
    sure = np.float32([[[1, 0], [0.5, 0.5], [1, 0]]])
    other = np.float32([[[0, 1], [0.5, 0.5], [1, 0]]])
    values = averaged([sure, other], keeps_entropy=True)
    np.testing.assert_allclose(values[0, :, :2], [[0.5, 0.5], [0.5, 0.5], [1, 0]])
    found = decide(Probabilities(values, (1, 3), doubt="disagreement", has_entropy=True))
    np.testing.assert_allclose(found.doubt, [[1, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(found.mask, [[0, 0, 0]])
    with pytest.raises(KsegError, match="Only several answers can disagree"):
        decide(Probabilities(sure, (1, 3), doubt="disagreement"))
    with pytest.raises(KsegError, match="entropy"):
        decide(Probabilities(sure, (1, 3), doubt="entrop"))
