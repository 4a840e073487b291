"""What the first layer of a network makes of pixels."""

import keras
import numpy as np
import pytest

import kseg
from kseg.encoders import make_encoder
from kseg.errors import KsegError
from kseg.machine import Device
from kseg.models.heads import normalize_pixels
from kseg.training import defaults, network

pytestmark = pytest.mark.backend

PIXELS = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype("float32")
MEAN, DEVIATION = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def first_layer(model, pixels):
    """What the layer after the input gives, in a network that was saved and read again."""
    layer = model.get_layer("pixels_to_unit")
    found = keras.Model(model.input, layer.output)(pixels)
    return keras.ops.convert_to_numpy(found)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("symmetric", PIXELS / 127.5 - 1),
        ("unit", PIXELS / 255),
        # torchvision's mean and deviation, times 255.
        ("imagenet", (PIXELS / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        (((10.0, 20.0, 30.0), (1.0, 2.0, 4.0)), (PIXELS - [10, 20, 30]) / [1, 2, 4]),
    ],
)
def test_pixels_are_normalised_as_said(tmp_path, to, expected):
    model = kseg.build_unet((8, 8, 3), 2, filters=(2, 4))
    normalize_pixels(model, to)
    np.testing.assert_allclose(first_layer(model, PIXELS), expected, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(first_layer(again, PIXELS), expected, atol=1e-4)


def test_a_channel_beyond_the_third_gets_the_mean_of_the_three():
    model = kseg.build_unet((8, 8, 4), 2, filters=(2, 4))
    normalize_pixels(model, "imagenet")
    pixels = np.full((1, 8, 8, 4), 200.0)
    expected = (200 / DEVIATION - MEAN / DEVIATION).mean()
    np.testing.assert_allclose(first_layer(model, pixels)[..., 3], expected, rtol=1e-4)


def test_another_number_of_channels_is_refused():
    model = kseg.build_unet((8, 8, 3), 2, filters=(2, 4))
    with pytest.raises(KsegError, match="of 3 channels. Received those of 1"):
        normalize_pixels(model, ((1.0,), (1.0,)))


def test_an_encoder_that_learned_keeps_its_own_range():
    encoder = make_encoder("resnet18", weights=None)
    model = kseg.build_encoder_unet((32, 32, 3), 2, encoder=encoder, filters=(4,) * 5)
    normalize_pixels(model, "symmetric")
    with pytest.raises(KsegError, match="Leave normalize= out"):
        normalize_pixels(model, "imagenet")


@pytest.mark.parametrize("value", ["caffe", [[1], [0]], [[1, 2], [3]], [[1]], 3])
def test_a_recipe_takes_no_other_range(value):
    with pytest.raises(KsegError, match="normalize"):
        kseg.make_recipe(set={"input.normalize": value})


def test_a_recipe_says_it(tmp_path):
    recipe = kseg.make_recipe(
        arch="unet", filters=(2, 4), set={"input.normalize": [[1, 2, 3], [4, 5, 6]]}
    )
    recipe = defaults.for_machine(recipe, Device("cpu", "a CPU", "float32"))
    model = network.built(recipe, 2)
    found = first_layer(model, PIXELS)
    np.testing.assert_allclose(found, (PIXELS - [1, 2, 3]) / [4, 5, 6], atol=1e-4)
