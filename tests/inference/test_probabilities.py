"""Probabilities at the image's size, against Pillow and a case by hand."""

import numpy as np
import pytest
from PIL import Image

from kseg.inference import Probabilities

pytestmark = pytest.mark.backend


def random_values(classes, size=(6, 9)):
    values = np.random.default_rng(classes).dirichlet(np.ones(classes), size)
    return values.astype(np.float32)


@pytest.mark.parametrize("size", [(6, 9), (24, 31), (3, 4), (1, 1)])
def test_each_class_is_interpolated_by_itself(size):
    values = random_values(5)
    found = Probabilities(values, size)
    assert found.num_classes == 5
    for index in range(5):
        image = Image.fromarray(values[..., index])
        expected = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))
        assert found.of_class(index).dtype == np.float32
        np.testing.assert_allclose(found.of_class(index), expected, rtol=1e-6)
        np.testing.assert_allclose(found.array()[..., index], expected, rtol=1e-6)
    np.testing.assert_allclose(found.array().sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 2), (1, 4)])
def test_a_single_output_is_two_classes(size):
    found = Probabilities(np.float32([[[0.25], [0.75]]]), size)
    assert found.num_classes == 2
    # Pixel centres of four pixels lie at 1/4 of a pixel around those of two: 0.25 + 0.25 * 0.5.
    foreground = {2: [0.25, 0.75], 4: [0.25, 0.375, 0.625, 0.75]}[size[1]]
    np.testing.assert_allclose(found.of_class(1), [foreground])
    np.testing.assert_allclose(found.of_class(0), 1 - np.array([foreground]))
    np.testing.assert_array_equal(
        found.array(), np.stack([found.of_class(0), found.of_class(1)], axis=-1)
    )


def test_what_is_given_out_can_be_written_to():
    values = random_values(3)
    kept = values.copy()
    found = Probabilities(values, (6, 9))
    found.of_class(0)[:] = 7
    found.array()[:] = 7
    np.testing.assert_array_equal(values, kept)


def test_a_temperature_divides_the_logits():
    logits = np.random.default_rng(0).normal(0, 3, (4, 5, 6))
    values = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=-1, keepdims=True)
    found = Probabilities(values.astype(np.float32), (4, 5), temperature=2.5)
    np.testing.assert_allclose(found.array(), expected, rtol=1e-4)
    np.testing.assert_array_equal(found.of_class(2), values[..., 2].astype(np.float32))


def test_a_temperature_of_a_single_output_divides_its_logit():
    logits = np.linspace(-4, 4, 9)
    values = (1 / (1 + np.exp(-logits)))[None, :, None].astype(np.float32)
    found = Probabilities(values, (1, 9), temperature=2.0).array()
    np.testing.assert_allclose(found[0, :, 1], 1 / (1 + np.exp(-logits / 2)), rtol=1e-5)
