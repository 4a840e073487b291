"""ImageNet weights: copied layer by layer, from files that tests write; no test downloads any."""

import sys

import keras
import numpy as np
import pytest

from kseg.encoders import make_encoder, pretrained
from kseg.encoders.table import APPLICATIONS

GET_FILE = "keras.src.utils.file_utils.get_file"


def shake(model: keras.Model) -> None:
    """Give biases and statistics values that differ, so that none can be mistaken for another."""
    rng = np.random.default_rng(1)
    model.set_weights(
        [rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
    )


def run(image, features, images) -> list[np.ndarray]:
    """Run without compiling, which takes longer for one small image."""
    return [keras.ops.convert_to_numpy(y) for y in keras.Model(image, features)(images)]


def features_of(encoder, images) -> list[np.ndarray]:
    image = keras.Input((None, None, images.shape[-1]))
    return run(image, encoder(image), images)


def assert_same(features, others) -> None:
    for feature, other in zip(features, others, strict=True):
        scale = np.abs(other).max()
        assert scale > 0
        np.testing.assert_allclose(feature / scale, other / scale, atol=2e-4)


def random_images(channels: int = 3) -> np.ndarray:
    shape = (1, 64, 32, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Publish random weights of an application, which Keras then "downloads"; return its model."""

    def publish(name):
        keras.utils.set_random_seed(5)
        function = APPLICATIONS[name][0]
        model = getattr(keras.applications, function)(
            include_top=False, weights=None, input_shape=(None, None, 3)
        )
        shake(model)
        path = str(tmp_path / f"{name}.weights.h5")
        model.save_weights(path)
        monkeypatch.setattr(GET_FILE, lambda *_, **__: path)
        return model

    return publish


@pytest.mark.parametrize(
    "name",
    [
        "efficientnetv2_b0",
        "efficientnetv2_s",
        "mobilenetv2",
        "mobilenetv3_small",
        "densenet121",
        "vgg16",
    ],
)
def test_features_equal_those_of_the_application(name, published):
    """Raw pixels in; the application gets what its own `preprocess_input` makes of them."""
    stock = published(name)
    module = sys.modules[getattr(keras.applications, APPLICATIONS[name][0]).__module__]
    images = random_images()
    ends = [end.split(":") for end in APPLICATIONS[name][2]]
    tensors = [getattr(stock.get_layer(end[0]), (end[1:] or ["output"])[0]) for end in ends]
    expected = run(stock.input, tensors, module.preprocess_input(images.copy()))
    assert_same(features_of(make_encoder(name, weights="imagenet"), images), expected)


def test_without_weights_the_features_are_others(published):
    published("mobilenetv3_small")
    keras.utils.set_random_seed(6)
    loaded = features_of(make_encoder("mobilenetv3_small", weights="imagenet"), random_images())
    fresh = features_of(make_encoder("mobilenetv3_small"), random_images())
    assert np.abs(loaded[-1] - fresh[-1]).max() > 0.1 * np.abs(loaded[-1]).max()


def test_grey_images_give_what_their_rgb_copies_give(published):
    published("mobilenetv3_small")
    encoder = make_encoder("mobilenetv3_small", weights="imagenet")
    grey = random_images(1)
    assert_same(features_of(encoder, grey), features_of(encoder, np.repeat(grey, 3, axis=-1)))


def test_a_fourth_channel_adds_to_filters_that_stay(published):
    """Where the fourth channel holds the middle of the range, which becomes 0, nothing changes."""
    published("mobilenetv3_small")
    encoder = make_encoder("mobilenetv3_small", weights="imagenet")
    images = random_images()
    depth = np.full((*images.shape[:3], 1), 127.5, np.float32)
    rgb = features_of(encoder, images)
    assert_same(features_of(encoder, np.concatenate([images, depth], axis=-1)), rgb)
    bright = features_of(encoder, np.concatenate([images, 2 * depth], axis=-1))
    assert np.abs(bright[0] - rgb[0]).max() > 0.01 * np.abs(rgb[0]).max()


@pytest.mark.parametrize("channels", [2, 3, 6])
def test_first_filters_for_any_channels(channels):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4))
    fitted = pretrained._fit_channels(kernel, (3, 3, channels, 4))
    assert fitted.shape == (3, 3, channels, 4)
    np.testing.assert_array_equal(fitted[:, :, :3], kernel[:, :, :channels])
    for channel in range(3, channels):
        np.testing.assert_allclose(fitted[:, :, channel], kernel.mean(axis=2))


@pytest.fixture
def backbones(monkeypatch):
    """Publish random weights of keras-cv's ResNets; return the backbone of a depth."""
    try:
        import keras_cv
    except ImportError as error:
        pytest.skip(f"keras-cv cannot be imported: {error}")
    stages = {18: ([2, 2, 2, 2], "basic_block"), 50: ([3, 4, 6, 3], "block")}

    def publish(depth):
        keras.utils.set_random_seed(5)
        blocks, block_type = stages[depth]
        backbone = keras_cv.models.ResNetBackbone(
            stackwise_filters=[64, 128, 256, 512],
            stackwise_blocks=blocks,
            stackwise_strides=[1, 2, 2, 2],
            include_rescaling=True,
            block_type=block_type,
        )
        shake(backbone)
        asked = []
        monkeypatch.setattr(
            keras_cv.models.ResNetBackbone,
            "from_preset",
            lambda preset: asked.append(preset) or backbone,
        )
        monkeypatch.setitem(pretrained.SOURCES, f"resnet{depth}", pretrained.KERAS_CV)
        return backbone, asked

    return publish


@pytest.mark.parametrize("depth", [18, 50])
def test_features_equal_those_of_keras_cv(depth, backbones):
    backbone, asked = backbones(depth)
    images = random_images()
    names = ["conv1_relu", *backbone.pyramid_level_inputs.values()]
    tensors = [backbone.get_layer(name).output for name in names]
    expected = run(backbone.input, tensors, images)
    assert_same(features_of(make_encoder(f"resnet{depth}", weights="imagenet"), images), expected)
    assert asked == [f"resnet{depth}_imagenet"]


def fail(*_, **__):
    raise Exception("URL fetch failure on https://storage.googleapis.com/x.h5")


def test_a_failed_download_is_explained(monkeypatch):
    monkeypatch.setattr(GET_FILE, fail)
    encoder = make_encoder("mobilenetv3_small", weights="imagenet")
    expected = (
        "Could not get the ImageNet weights of 'mobilenetv3_small' from storage.googleapis.com: "
        "URL fetch failure.* leave weights out to train from scratch"
    )
    with pytest.raises(ValueError, match=expected):
        encoder(keras.Input((None, None, 3)))


def test_a_failed_download_by_keras_cv_is_explained(monkeypatch, backbones):
    backbones(18)
    import keras_cv

    monkeypatch.setattr(keras_cv.models.ResNetBackbone, "from_preset", fail)
    encoder = make_encoder("resnet50", weights="imagenet")
    with pytest.raises(ValueError, match="weights of 'resnet50' from www.kaggle.com.*scratch"):
        encoder(keras.Input((None, None, 3)))


def test_a_missing_keras_cv_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    encoder = make_encoder("resnet50", weights="imagenet")
    with pytest.raises(ValueError, match="python -m pip install keras-cv"):
        encoder(keras.Input((None, None, 3)))


def test_nothing_is_looked_up_unless_asked_for(monkeypatch):
    monkeypatch.setattr(GET_FILE, fail)
    monkeypatch.setattr("socket.getaddrinfo", fail)
    for name in ("mobilenetv3_small", "resnet50", "mit_b0", "efficientnet_lite0"):
        assert make_encoder(name)(keras.Input((64, 64, 3)))[-1].shape[1:3] == (2, 2)
    with pytest.raises(ValueError, match="Could not get"):
        make_encoder("mobilenetv3_small", weights="imagenet")(keras.Input((64, 64, 3)))


@pytest.mark.parametrize("name", ["resnet34", "mit_b0"])
def test_encoders_without_weights_are_named(name):
    with pytest.raises(ValueError, match=f"no ImageNet weights for '{name}'.*densenet121.*vgg19"):
        make_encoder(name, weights="imagenet")
