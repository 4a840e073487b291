"""Decisions class by class against all classes at once."""

import numpy as np
import pytest

from kseg.inference import Probabilities, decide

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("classes", [2, 3, 21])
@pytest.mark.parametrize("size", [(6, 9), (25, 31), (3, 4)])
def test_the_likeliest_class_of_each_pixel(classes, size):
    values = np.random.default_rng(0).dirichlet(np.ones(classes), (6, 9)).astype(np.float32)
    probabilities = Probabilities(values, size)
    mask, confidence = decide(probabilities)
    everything = probabilities.array()
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, everything.argmax(axis=-1))
    np.testing.assert_array_equal(confidence, everything.max(axis=-1))


@pytest.mark.parametrize("size", [(2, 2), (8, 8)])
def test_the_first_of_equals_is_taken(size):
    values = np.zeros((2, 2, 4), np.float32)
    values[..., 1] = values[..., 3] = 0.5
    mask, confidence = decide(Probabilities(values, size))
    np.testing.assert_array_equal(mask, np.ones(size))
    np.testing.assert_array_equal(confidence, np.full(size, 0.5))


@pytest.mark.parametrize("size", [(1, 4), (2, 4)])
def test_a_single_output_is_foreground_from_a_half_on(size):
    values = np.float32([0.25, 0.5, 0.75, 1.0]).reshape(1, 4, 1)
    mask, confidence = decide(Probabilities(values, size))
    for row, sure in zip(mask, confidence, strict=True):
        np.testing.assert_array_equal(row, [0, 1, 1, 1])
        np.testing.assert_array_equal(sure, np.float32([0.75, 0.5, 0.75, 1.0]))


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("size", [(6, 9), (11, 20)])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_temperature_changes_how_sure_it_is_and_no_class(classes, size, temperature):
    values = np.random.default_rng(0).dirichlet(np.ones(classes + 1), (6, 9)).astype(np.float32)
    values = values[..., :1] if classes == 1 else values
    mask, plain = decide(Probabilities(values, size))
    warm = Probabilities(values, size, temperature=temperature)
    same, confidence = decide(warm)
    np.testing.assert_array_equal(same, mask)
    np.testing.assert_allclose(confidence, warm.array().max(axis=-1), rtol=1e-5)
    assert ((confidence < plain) if temperature > 1 else (confidence > plain)).mean() > 0.95
