"""Convolutions: shortcuts, recurrence and separability, on weights set by hand."""

import keras
import numpy as np
import pytest
from scipy.ndimage import correlate

from kseg import blocks

pytestmark = pytest.mark.backend


def test_residual_adds_the_input_where_the_convolutions_give_nothing():
    inputs = keras.Input((4, 4, 2))
    outputs = blocks.residual(inputs, 2, normalization=None, name="block")
    model = keras.Model(inputs, outputs)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    values = np.random.default_rng(0).uniform(0, 1, (1, 4, 4, 2))
    got = keras.ops.convert_to_numpy(model(values))
    np.testing.assert_allclose(got, values, atol=1e-6)


def test_a_residual_block_projects_its_shortcut_where_asked():
    inputs = keras.Input((8, 8, 2))
    names = {
        options: [layer.name for layer in keras.Model(inputs, outputs).layers]
        for options, outputs in {
            "plain": blocks.residual(inputs, 2, name="block"),
            "project": blocks.residual(inputs, 2, project=True, name="block"),
            "strided": blocks.residual(inputs, 2, strides=2, name="block"),
        }.items()
    }
    assert "block_shortcut_conv" not in names["plain"]
    assert "block_shortcut_conv" in names["project"]
    assert "block_shortcut_conv" in names["strided"]
    assert blocks.residual(inputs, 5, strides=2, name="block").shape == (None, 4, 4, 5)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_recurrent_block_applies_one_kernel_again_and_again(steps):
    """x1 = f(x), then `steps` times x1 = f(x + x1), twice over; the input is added at the end."""
    inputs = keras.Input((6, 7, 1))
    block = blocks.recurrent_residual(inputs, 1, steps=steps, normalization=None, name="block")
    model = keras.Model(inputs, block)
    rng = np.random.default_rng(0)
    kernels = rng.normal(scale=0.3, size=(2, 3, 3))
    entry = np.array([0.5])
    shapes = [weight.shape for weight in model.weights]
    assert shapes == [(1, 1, 1, 1), (1,), (3, 3, 1, 1), (1,), (3, 3, 1, 1), (1,)]
    zero = np.zeros(1)
    model.set_weights(
        [entry[None, None, None], zero, kernels[0, ..., None, None], zero]
        + [kernels[1, ..., None, None], zero]
    )
    values = rng.normal(size=(6, 7))

    def recurrent(x, kernel):
        y = np.maximum(correlate(x, kernel, mode="constant"), 0)
        for _ in range(steps):
            y = np.maximum(correlate(x + y, kernel, mode="constant"), 0)
        return y

    x = 0.5 * values
    expected = x + recurrent(recurrent(x, kernels[0]), kernels[1])
    got = keras.ops.convert_to_numpy(model(values[None, ..., None]))[0, ..., 0]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_separable_convolution_keeps_channels_apart_until_the_end():
    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, blocks.separable_convolution(inputs, 3, dilation=2, name="x"))
    depthwise, pointwise = np.random.default_rng(0).normal(size=18), np.eye(2, 3)
    model.get_layer("x_depthwise").set_weights([depthwise.reshape(3, 3, 2, 1)])
    model.get_layer("x_conv").set_weights([pointwise[None, None]])
    values = np.random.default_rng(1).normal(size=(8, 8, 2))
    got = keras.ops.convert_to_numpy(model(values[None]))[0]
    for channel in (0, 1):
        wide = np.zeros((5, 5))
        wide[::2, ::2] = depthwise.reshape(3, 3, 2)[..., channel]
        filtered = correlate(values[..., channel], wide, mode="constant")
        expected = np.maximum(filtered / np.sqrt(1 + 1e-3), 0)
        np.testing.assert_allclose(got[..., channel], expected, atol=1e-5)
    np.testing.assert_array_equal(got[..., 2], 0)


def test_a_recurrent_block_takes_one_rate_of_dropout():
    x = keras.Input((8, 8, 4))
    with pytest.raises(ValueError, match="dropout of recurrent_residual"):
        blocks.recurrent_residual(x, 4, dropout=(0.1, 0.2), name="b")
