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


@pytest.mark.parametrize("sizes", [((3, 4), (7, 9)), ((2, 5), (4, 10)), ((6, 6), (3, 4))])
def test_bilinear_like_takes_the_size_of_other_features(sizes):
    """One model, several sizes; the values are those of interpolation at half-pixel centres."""
    given, wanted = sizes
    x, like = keras.Input((None, None, 1)), keras.Input((None, None, 3))
    model = keras.Model([x, like], blocks.bilinear_like(x, like))
    values = np.random.default_rng(0).normal(size=given)
    got = model([values[None, ..., None], np.zeros((1, *wanted, 3))])
    axes = (
        (np.arange(new) + 0.5) / new * old - 0.5 for new, old in zip(wanted, given, strict=True)
    )
    grid = np.meshgrid(*axes, indexing="ij")
    expected = map_coordinates(values, grid, order=1, mode="nearest")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got)[0, ..., 0], expected, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_a_transposed_convolution_spreads_each_pixel_over_its_kernel(kernel_size):
    inputs = keras.Input((None, None, 1))
    outputs = blocks.transposed_convolution(inputs, 1, kernel_size=kernel_size, name="up")
    model = keras.Model(inputs, outputs)
    kernel = np.random.default_rng(0).normal(size=(kernel_size, kernel_size))
    model.set_weights([kernel[..., None, None], np.zeros(1)])
    values = np.zeros((1, 5, 6, 1))
    values[0, 2, 3] = 2.0
    got = keras.ops.convert_to_numpy(model(values))[0, ..., 0]
    expected = np.zeros((10, 12))
    margin = (kernel_size - 2) // 2
    top, left = 4 - margin, 6 - margin
    expected[top : top + kernel_size, left : left + kernel_size] = 2 * kernel
    np.testing.assert_allclose(got, expected, atol=1e-6)
