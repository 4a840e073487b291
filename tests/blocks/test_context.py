"""Context: averages over parts of the image, for sizes that are unknown until use."""

import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from kseg import blocks

pytestmark = pytest.mark.backend


def adaptive_means(values: np.ndarray, bins: int) -> np.ndarray:
    """Average over parts that start at floor(i n / bins) and end at ceil((i + 1) n / bins)."""
    height, width = values.shape
    means = np.empty((bins, bins))
    for i in range(bins):
        rows = slice(i * height // bins, -(-(i + 1) * height // bins))
        for j in range(bins):
            columns = slice(j * width // bins, -(-(j + 1) * width // bins))
            means[i, j] = values[rows, columns].mean()
    return means


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
def test_pooled_context_is_adaptive_pooling_and_bilinear_interpolation(bins):
    inputs = keras.Input((None, None, 1))
    outputs = blocks.pooled_context(inputs, 1, bins, normalization=False, name="pool")
    model = keras.Model(inputs, outputs)
    model.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    for size in ((7, 10), (6, 6), (4, 13), (18, 60), (36, 30)):
        values = np.random.default_rng(0).uniform(size=size)
        axes = ((np.arange(side) + 0.5) / side * bins - 0.5 for side in size)
        grid = np.meshgrid(*axes, indexing="ij")
        expected = map_coordinates(adaptive_means(values, bins), grid, order=1, mode="nearest")
        got = keras.ops.convert_to_numpy(model(values[None, ..., None]))[0, ..., 0]
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_pyramid_pooling_doubles_the_channels_and_normalises_all_but_one_bin():
    inputs = keras.Input((None, None, 8))
    model = keras.Model(inputs, blocks.pyramid_pooling(inputs, name="pyramid"))
    assert model.output.shape == (None, None, None, 16)
    names = [layer.name for layer in model.layers]
    assert "pyramid_2x2_norm" in names
    assert "pyramid_1x1_norm" not in names
    images = np.random.default_rng(0).normal(size=(1, 5, 7, 8))
    got = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(got[..., :8], images, atol=1e-6)
    np.testing.assert_allclose(got[..., 8:10], got[:, :1, :1, 8:10] + 0 * got[..., 8:10], atol=1e-5)


def test_channel_attention_by_hand():
    inputs = keras.Input((2, 2, 2))
    model = keras.Model(inputs, blocks.channel_attention(inputs, 2, name="attention"))
    squeeze, bias, excite = np.zeros((2, 4)), np.zeros(4), np.zeros((4, 2))
    squeeze[:, 0], bias[0], excite[0] = (1.0, -1.0), 0.5, (2.0, -2.0)
    model.set_weights([squeeze, bias, excite, np.zeros(2)])
    values = np.stack([np.full((2, 2), 1.0), np.array([[0.0, 1.0], [0.0, 0.0]])], axis=-1)
    squeezed = max(1.0 - 0.25 + 0.5, 0)
    expected = 1 / (1 + np.exp([-2 * squeezed, 2 * squeezed]))
    got = keras.ops.convert_to_numpy(model(values[None]))
    assert got.shape == (1, 1, 1, 2)
    np.testing.assert_allclose(got[0, 0, 0], expected, atol=1e-6)


def test_an_atrous_pyramid_has_a_branch_a_rate_beside_1x1_and_the_mean():
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, blocks.atrous_pyramid(inputs, (2, 5), 3, name="aspp"))
    assert model.get_layer("aspp_join").output.shape[-1] == 4 * 3
    assert model.get_layer("aspp_rate_5_depthwise").dilation_rate == (5, 5)
    assert model.output.shape[-1] == 3
