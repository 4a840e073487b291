"""Ranges of pixels, checked against Keras's own preprocessing."""

import keras
import numpy as np
import pytest

from kseg.encoders import inputs

pytestmark = pytest.mark.backend


def scaled(images: np.ndarray, to: str) -> np.ndarray:
    image = keras.Input((None, None, images.shape[-1]))
    model = keras.Model(image, inputs.scale_pixels(image, to))
    return keras.ops.convert_to_numpy(model(images))


@pytest.mark.parametrize(
    ("to", "mode"), [("symmetric", "tf"), ("imagenet", "torch"), ("imagenet_centred", "caffe")]
)
def test_ranges_equal_those_of_keras(to, mode):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.float32)
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    expected = expected[..., ::-1] if mode == "caffe" else expected
    np.testing.assert_allclose(scaled(images, to), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("to", "ends"),
    [
        ("unit", (0, 1)),
        ("symmetric_127", (-127 / 128, 1)),
        ("symmetric_128", (-1, 127 / 128)),
    ],
)
def test_ranges_end_where_they_should(to, ends):
    images = np.stack([np.zeros((2, 2, 3)), np.full((2, 2, 3), 255)])
    values = scaled(images, to)
    np.testing.assert_allclose([values.min(), values.max()], ends, atol=1e-6)


def test_further_channels_get_the_mean_constants():
    values = scaled(np.full((1, 1, 1, 5), 100.0), "imagenet")[0, 0, 0]
    mean, deviation = np.array(inputs.RANGES["imagenet"])
    np.testing.assert_allclose(values[:3], (100 - mean) / deviation, atol=1e-5)
    between = 100 * (1 / deviation).mean() - (mean / deviation).mean()
    np.testing.assert_allclose(values[3:], between, atol=1e-5)
    np.testing.assert_allclose(
        scaled(np.full((1, 1, 1, 2), 100.0), "imagenet")[0, 0, 0], between, atol=1e-5
    )


def test_pixels_stay_exact_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        values = scaled(np.array([[[[1, 100, 101]]]], np.uint8), "unit")
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(values[0, 0, 0] * 255, [1, 100, 101], rtol=1e-6)
