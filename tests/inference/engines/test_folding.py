"""Folded networks say what they said before, with fewer normalisations."""

import keras
import numpy as np
import pytest
from keras import layers

import kseg
from kseg.inference.engines.folding import folded

RNG = np.random.default_rng(0)

pytestmark = pytest.mark.backend


def shaken(model):
    """Give normalisations statistics, factors and offsets as if the model had learned."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([RNG.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
    return model


def normalisations(model):
    return sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)


def values(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def test_a_pixel_by_hand():
    """5 (2 x - 3) / 2 + 7 = 5 x - 0.5."""
    x = keras.Input((None, None, 1))
    y = layers.Conv2D(1, 1, use_bias=False, name="conv")(x)
    model = keras.Model(x, layers.BatchNormalization(epsilon=0, name="norm")(y))
    model.get_layer("conv").set_weights([np.full((1, 1, 1, 1), 2.0)])
    model.get_layer("norm").set_weights([np.array([n]) for n in (5.0, 7.0, 3.0, 4.0)])
    kernel, bias = folded(model).get_layer("conv").get_weights()
    assert kernel.item() == pytest.approx(5)
    assert bias.item() == pytest.approx(-0.5)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(5, 3, padding="same", strides=2),
        layers.Conv2D(5, 3, use_bias=False),
        layers.Conv2D(4, 3, groups=2),
        layers.DepthwiseConv2D(3, depth_multiplier=2, bias_initializer="ones"),
        layers.Conv2DTranspose(5, 2, strides=2, bias_initializer="ones"),
    ],
    ids=["bias", "no bias", "groups", "depthwise", "transposed"],
)
@pytest.mark.parametrize("words", [{}, {"scale": False}, {"center": False}])
def test_kinds_of_convolutions_and_normalisations(layer, words):
    x = keras.Input((8, 10, 4))
    again = type(layer).from_config(layer.get_config())
    model = shaken(keras.Model(x, layers.BatchNormalization(**words)(again(x))))
    images = RNG.normal(size=(2, 8, 10, 4)).astype(np.float32)
    other = folded(model)
    assert normalisations(other) == 0
    np.testing.assert_allclose(values(other, images), values(model, images), atol=1e-4)


def _activated(x):
    return layers.BatchNormalization()(layers.Conv2D(3, 1, activation="relu")(x))


def _read_twice(x):
    y = layers.Conv2D(3, 1)(x)
    return layers.Add()([layers.BatchNormalization()(y), y])


def _shared(x):
    convolution = layers.Conv2D(3, 1)
    return layers.BatchNormalization()(convolution(layers.ReLU()(convolution(x))))


def _over_rows(x):
    return layers.BatchNormalization(axis=1)(layers.Conv2D(3, 1)(x))


@pytest.mark.parametrize("network", [_activated, _read_twice, _shared, _over_rows])
def test_what_would_change_the_answer_is_left(network):
    x = keras.Input((6, 7, 3))
    model = shaken(keras.Model(x, network(x)))
    images = RNG.normal(size=(2, 6, 7, 3)).astype(np.float32)
    other = folded(model)
    assert normalisations(other) == 1
    np.testing.assert_allclose(values(other, images), values(model, images), atol=1e-5)


def test_an_output_is_kept():
    x = keras.Input((6, 7, 3))
    y = layers.Conv2D(3, 1)(x)
    other = folded(keras.Model(x, [y, layers.BatchNormalization()(y)]))
    assert normalisations(other) == 1


def _pretrained(shape, classes, **words):
    encoder = kseg.encoders.make_encoder("efficientnet_lite0")
    return kseg.build_encoder_unet(shape, classes, encoder=encoder, **words)


@pytest.mark.parametrize(
    ("build", "words", "left"),
    [
        (kseg.build_unet, {"filters": (4, 8)}, 0),
        (kseg.build_attention_unet, {"filters": (4, 8)}, 0),
        (_pretrained, {"filters": (16, 8, 8)}, None),
        (kseg.build_r2unet, {"filters": (4, 8)}, None),  # whose convolutions are used again
    ],
)
def test_networks(build, words, left):
    """Logits, against the largest of them: through so many random layers they are large."""
    model = shaken(build((None, None, 3), 3, activation=None, **words))
    images = RNG.integers(0, 256, (1, 64, 32, 3), np.uint8)
    before = model.get_weights()
    other = folded(model)
    assert normalisations(other) < normalisations(model)
    assert left is None or normalisations(other) == left
    expected = values(model, images)
    np.testing.assert_allclose(values(other, images), expected, atol=1e-4 * np.abs(expected).max())
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
