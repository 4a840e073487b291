"""Attention maps."""

import keras
import numpy as np
import pytest

from kseg import attention_maps, build_attention_unet, build_unet


def test_maps_are_those_that_weight_the_encoders_features():
    keras.utils.set_random_seed(0)
    model = build_attention_unet((None, None, 3), 2, filters=(4, 8, 8))
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3))
    maps = attention_maps(model)(images)
    assert {name: tuple(x.shape) for name, x in maps.items()} == {
        "decoder_1_gate": (2, 16, 24, 1),
        "decoder_2_gate": (2, 8, 12, 1),
    }
    inner = keras.Model(
        model.input,
        [model.get_layer("encoder_1_act_2").output, model.get_layer("decoder_1_gate").output],
    )
    features, gated = (keras.ops.convert_to_numpy(x) for x in inner(images))
    weights = keras.ops.convert_to_numpy(maps["decoder_1_gate"])
    assert 0 < weights.min() < weights.max() < 1
    np.testing.assert_allclose(gated, features * weights, atol=1e-6)


def test_a_network_without_gates_is_refused():
    with pytest.raises(ValueError, match="build_attention_unet makes"):
        attention_maps(build_unet((None, None, 3), 2, filters=(4, 8)))
