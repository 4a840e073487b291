"""Faster layers equal Keras's own, value by value; a first layer that says no."""

import keras
import numpy as np
import pytest

from kseg import KsegError, build_fpn, build_unet
from kseg.layers import BatchNormalization, Conv2DTranspose
from kseg.losses import CrossEntropy

pytestmark = pytest.mark.backend


def train_once(layer_class, precision, shape, options):
    """Train one step through a layer; return output, weights after, and the kernel's change."""
    keras.config.set_dtype_policy(precision)
    try:
        keras.utils.set_random_seed(1)
        inputs = keras.Input(shape[1:])
        x = keras.layers.Conv2D(3, 1, name="before")(inputs)
        x = layer_class(momentum=0.8, name="norm", **options)(x)
        model = keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(x))
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=False)
    rng = np.random.default_rng(0)
    images, targets = rng.normal(2, 3, shape), rng.normal(size=(*shape[:3], 3))
    output = keras.ops.convert_to_numpy(model(images, training=True))
    model.train_on_batch(images, targets)
    return output, model.get_weights()


@pytest.mark.parametrize(
    "options", [{}, {"center": False}, {"scale": False}, {"epsilon": 1e-5}, {"trainable": False}]
)
@pytest.mark.parametrize("shape", [(2, 5, 7, 2), (1, 1, 1, 2)])
def test_equals_the_stock_layer(options, shape):
    ours = train_once(BatchNormalization, "float32", shape, options)
    stock = train_once(keras.layers.BatchNormalization, "float32", shape, options)
    np.testing.assert_allclose(ours[0], stock[0], atol=1e-4)
    for mine, theirs in zip(ours[1], stock[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_statistics_agree_in_bfloat16():
    ours = train_once(BatchNormalization, "mixed_bfloat16", (4, 16, 16, 2), {})
    stock = train_once(keras.layers.BatchNormalization, "mixed_bfloat16", (4, 16, 16, 2), {})
    for mine, theirs in zip(ours[1], stock[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0.03, atol=0.03)


def test_running_variance_is_the_biased_one():
    layer = BatchNormalization(momentum=0.0)
    values = np.random.default_rng(0).normal(3, 2, (2, 3, 3, 1))
    layer(values, training=True)
    got = keras.ops.convert_to_numpy(layer.moving_variance)
    np.testing.assert_allclose(got, [values.var()], rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "stock"),
    [
        (BatchNormalization(), keras.layers.BatchNormalization),
        (Conv2DTranspose(2, 2, strides=2), keras.layers.Conv2DTranspose),
    ],
)
def test_is_saved_as_the_stock_layer(layer, stock):
    config = keras.saving.serialize_keras_object(layer)
    assert type(keras.saving.deserialize_keras_object(config)) is stock


@pytest.mark.parametrize("strides", [2, (2, 3)])
def test_windows_of_a_transposed_convolution_lie_side_by_side(strides):
    """Each pixel of the input by hand: its channels times the kernel, into its own window."""
    layer = Conv2DTranspose(3, strides, strides=strides, bias_initializer="normal")
    images = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    found = keras.ops.convert_to_numpy(layer(images))
    kernel, bias = map(keras.ops.convert_to_numpy, layer.weights)
    rows, columns = kernel.shape[:2]
    for i, j in np.ndindex(4, 5):
        window = np.einsum("abfc,nc->nabf", kernel, images[:, i, j]) + bias
        place = np.s_[:, rows * i : rows * (i + 1), columns * j : columns * (j + 1)]
        np.testing.assert_allclose(found[place], window, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2, "strides": 2},
        {"kernel_size": 2, "strides": 2, "use_bias": False, "activation": "relu"},
        {"kernel_size": 3, "strides": 2, "padding": "same"},
    ],
)
def test_a_transposed_convolution_learns_as_the_stock_layer(options):
    rng = np.random.default_rng(0)
    images, targets = rng.normal(size=(2, 4, 6, 3)), rng.normal(size=(2, 8, 12, 2))

    def weights(kind):
        keras.utils.set_random_seed(1)
        before = keras.layers.Conv2D(3, 1)
        last = kind(2, **options, name="last")
        x = keras.Input((4, 6, 3))
        y = last(before(x))
        model = keras.Model(x, y[:, :8, :12])
        model.compile(keras.optimizers.SGD(0.5), "mse")
        model.train_on_batch(images, targets)
        return model.get_weights()

    stock = weights(keras.layers.Conv2DTranspose)
    for mine, theirs in zip(weights(Conv2DTranspose), stock, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "use",
    [
        lambda model, images, masks: model(images),
        lambda model, images, masks: model.predict(images, verbose=0),
        lambda model, images, masks: model.fit(images, masks, verbose=0),
    ],
)
def test_a_model_of_any_size_says_which_sizes_it_takes(use):
    model = build_unet((None, None, 3), 3, filters=(2, 2, 2))
    model.compile("sgd", CrossEntropy())
    images, masks = np.zeros((1, 97, 101, 3), np.uint8), np.zeros((1, 97, 101), np.uint8)
    with pytest.raises(KsegError, match="multiples of 4. Received 97x101. Pad the images to 100x1"):
        use(model, images, masks)


def test_only_an_open_side_must_be_a_multiple():
    model = build_fpn((97, None, 3), 2)
    assert model(np.zeros((1, 97, 64, 3), np.uint8)).shape == (1, 97, 64, 2)
    with pytest.raises(KsegError, match="multiples of 32. Received 97x65"):
        model(np.zeros((1, 97, 65, 3), np.uint8))


def test_a_model_of_any_size_is_saved_of_stock_layers(tmp_path):
    model = build_unet((None, None, 3), 3, filters=(2, 2))
    model.save(tmp_path / "x.keras")
    entry = keras.models.load_model(tmp_path / "x.keras").get_layer("pixels_to_unit")
    assert type(entry) is keras.layers.Rescaling
