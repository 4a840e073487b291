"""Blocks: bilinear up-sampling against SciPy's interpolation."""

import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from kseg import blocks

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 5), (8, 8)])
def test_bilinear_equals_interpolation_at_half_pixel_centres(size):
    values = np.random.default_rng(0).normal(size=size)
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, blocks.bilinear(inputs, name="up"))
    got = keras.ops.convert_to_numpy(model(values[None, ..., None]))[0, ..., 0]
    grid = np.meshgrid(*((np.arange(2 * side) + 0.5) / 2 - 0.5 for side in size), indexing="ij")
    expected = map_coordinates(values, grid, order=1, mode="nearest")
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_nearest_repeats_each_pixel():
    values = np.arange(6.0).reshape(1, 2, 3, 1)
    inputs = keras.Input((2, 3, 1))
    model = keras.Model(inputs, blocks.upsample(inputs, 1, interpolation="nearest", name="up"))
    got = keras.ops.convert_to_numpy(model(values))[0, ..., 0]
    np.testing.assert_array_equal(got, np.kron(values[0, ..., 0], np.ones((2, 2))))


def test_residual_adds_the_input_where_the_convolutions_give_nothing():
    inputs = keras.Input((4, 4, 2))
    outputs = blocks.residual(inputs, 2, normalization=None, name="block")
    model = keras.Model(inputs, outputs)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    values = np.random.default_rng(0).uniform(0, 1, (1, 4, 4, 2))
    got = keras.ops.convert_to_numpy(model(values))
    np.testing.assert_allclose(got, values, atol=1e-6)
