"""Skip connections."""

import keras
import numpy as np
import pytest

from kseg import blocks

pytestmark = pytest.mark.backend


def test_concatenate_puts_the_encoder_first():
    x, features = keras.Input((2, 2, 1)), keras.Input((2, 2, 2))
    model = keras.Model([x, features], blocks.concatenate(x, features, name="skip"))
    got = keras.ops.convert_to_numpy(model([np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2, 2))]))
    np.testing.assert_array_equal(got[0, 0, 0], [0, 0, 1])


def test_an_attention_gate_by_hand():
    """alpha = sigmoid(psi(relu(W_x x + W_g g))) with statistics of normalisation as they start."""
    x, gate = keras.Input((1, 1, 2)), keras.Input((1, 1, 1))
    model = keras.Model([x, gate], blocks.attention_gate(x, gate, 1, name="gate"))
    model.get_layer("gate_x_conv").set_weights([np.array([1.0, 2.0]).reshape(1, 1, 2, 1)])
    model.get_layer("gate_g_conv").set_weights([np.array([-1.0]).reshape(1, 1, 1, 1)])
    model.get_layer("gate_psi_conv").set_weights([np.full((1, 1, 1, 1), 3.0), np.array([-1.0])])
    unit = 1 / np.sqrt(1 + 1e-3)
    for values, signal in (((0.5, 1.0), 1.0), ((0.5, 0.25), 4.0)):
        compared = max((values[0] + 2 * values[1] - signal) * unit, 0)
        alpha = 1 / (1 + np.exp(-(3 * compared - 1) * unit))
        inputs = [np.reshape(values, (1, 1, 1, 2)), np.reshape(signal, (1, 1, 1, 1))]
        got = keras.ops.convert_to_numpy(model(inputs))[0, 0, 0]
        np.testing.assert_allclose(got, alpha * np.array(values), atol=1e-5)
