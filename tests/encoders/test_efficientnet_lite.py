"""EfficientNet-Lite: published parameter counts, and what the published classifier sees."""

import importlib.util
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from kseg.encoders import make_encoder, torch_file, wheels
from kseg.encoders.efficientnet_lite import blocks_per_stage, efficientnet_lite
from kseg.encoders.pretrained import is_published
from kseg.errors import KsegError

# The side of the images that each was trained on, and the encoder's numbers, running statistics
# included: those of the published 4,694,024, 5,470,344 and 6,150,168 that are not the head's.
PUBLISHED = {
    "efficientnet_lite0": (224, 2_998_304),
    "efficientnet_lite1": (240, 3_774_624),
    "efficientnet_lite2": (260, 4_413_488),
}
HEAD = ("_conv_head", "_bn1", "_fc")
CATS = (281, 282, 285)  # tabby, tiger cat, Egyptian cat
ESPRESSO = 967


def build(shape=(None, None, 3), **options) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, efficientnet_lite(image, **options))


@pytest.fixture
def published():
    """Read the published tensors of an encoder."""

    def read(name):
        module = wheels.WHEELS[name].package.replace("-", "_")
        if importlib.util.find_spec(module) is None:
            pytest.skip(f'{module} is not installed: python -m pip install "kseg[pretrained]"')
        return torch_file.read(wheels.path_of(name))

    return read


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_equal_the_published_counts(name):
    layers = build(variant=int(name[-1])).layers
    assert (
        sum(layer.count_params() for layer in layers if is_published(layer.name))
        == (PUBLISHED[name][1])
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_number_of_the_file_is_used(name, published):
    tensors = published(name)
    body = [
        tensor.size
        for layer, tensor in tensors.items()
        if not layer.startswith(HEAD) and not layer.endswith("num_batches_tracked")
    ]
    assert sum(body) == PUBLISHED[name][1]
    loaded = wheels.efficientnet_lite(name)
    assert sum(value.size for values in loaded.values() for value in values) == sum(body)


def test_blocks_of_the_stages():
    """As the files' tensors have them; the first and the last stage stay as they are."""
    assert blocks_per_stage(0) == (1, 2, 2, 3, 3, 4, 1)
    assert blocks_per_stage(1) == (1, 3, 3, 4, 4, 5, 1)
    assert blocks_per_stage(2) == (1, 3, 3, 4, 4, 5, 1)


@pytest.mark.backend
def test_strides_and_widths_over_sizes():
    model = build(variant=2)
    for height, width in ((64, 96), (32, 32)):
        features = model(np.zeros((2, height, width, 3)))
        assert [tuple(feature.shape[1:]) for feature in features] == [
            (height // stride, width // stride, filters)
            for stride, filters in zip((2, 4, 8, 16, 32), (16, 24, 48, 120, 352), strict=True)
        ]


def test_features_are_the_last_of_their_stride_each_normalised():
    model = build()
    ends = {
        1: "stage_1_block_1_project_norm",
        2: "stage_2_block_2_add",
        3: "stage_3_block_2_add",
        5: "stage_5_block_3_add",
        7: "stage_7_block_1_project_norm",
    }
    for feature, (stage, end) in zip(model.outputs, ends.items(), strict=True):
        norm = model.get_layer(f"stage_{stage}_feature_norm")
        assert feature is norm.output
        assert norm.input is model.get_layer(end).output


@pytest.mark.parametrize(
    ("output_stride", "places"), [(16, slice(1, None, 2)), (8, slice(3, None, 4))]
)
def test_dilated_features_hold_the_strided_ones(output_stride, places):
    """TensorFlow's "same" puts a strided filter's centre on the second of two pixels."""
    strided, dilated = build((64, 96, 3)), build((64, 96, 3), output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3))
    expected, got = (keras.ops.convert_to_numpy(one(images)[-1]) for one in (strided, dilated))
    assert got.shape[1:3] == (64 // output_stride, 96 // output_stride)
    np.testing.assert_allclose(got[:, places, places], expected, atol=1e-4)


def classifier(name: str, tensors: dict) -> keras.Model:
    """kseg's encoder with its published weights, and the file's head on it."""
    side = PUBLISHED[name][0]
    image = keras.Input((side, side, 3))
    layers = {
        "_conv_head": keras.layers.Conv2D(1280, 1, use_bias=False),
        "_bn1": keras.layers.BatchNormalization(epsilon=1e-3),
        "_fc": keras.layers.Dense(1000, activation="softmax"),
    }
    x = layers["_conv_head"](make_encoder(name, weights="imagenet")(image)[-1])
    x = keras.layers.Activation("relu6")(layers["_bn1"](x))
    model = keras.Model(image, layers["_fc"](keras.layers.GlobalAveragePooling2D()(x)))
    parts = ("weight", "bias", "running_mean", "running_var")
    layers["_conv_head"].set_weights([tensors["_conv_head.weight"].transpose(2, 3, 1, 0)])
    layers["_bn1"].set_weights([tensors[f"_bn1.{part}"] for part in parts])
    layers["_fc"].set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    return model


def photo(name: str, side: int) -> np.ndarray:
    """The middle of a photo that scikit-image ships, cut as for the published scores."""
    data = pytest.importorskip("skimage.data")
    image = Image.fromarray(getattr(data, name)())
    inner = min(image.size) * side / (side + 32)
    left, top = (image.width - inner) / 2, (image.height - inner) / 2
    box = (left, top, left + inner, top + inner)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box))[None]


@pytest.mark.backend
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_classifier_knows_a_cat_and_a_coffee(name, published):
    """That needs every weight, every axis, the padding and the range of pixels right."""
    model = classifier(name, published(name))
    side = PUBLISHED[name][0]
    photos = np.concatenate([photo("chelsea", side), photo("coffee", side)])
    cat, coffee = keras.ops.convert_to_numpy(model(photos))
    assert set(np.argsort(cat)[-3:]) == set(CATS)
    assert cat[list(CATS)].sum() > 0.8
    assert coffee.argmax() == ESPRESSO
    assert coffee[ESPRESSO] > 0.5


def test_pixels_are_scaled_as_in_training():
    """127 becomes 0, and 255 one."""
    layer = build().get_layer("encoder_pixels")
    values = keras.ops.convert_to_numpy(layer(np.array([-1.0, 127.0, 255.0])))
    np.testing.assert_allclose(values, [-1, 0, 1], atol=1e-6)


def frozen_names(frozen: int) -> set[str]:
    image = keras.Input((None, None, 3))
    model = keras.Model(image, make_encoder("efficientnet_lite0", frozen=frozen)(image))
    return {layer.name for layer in model.layers if layer.weights and not layer.trainable}


@pytest.mark.parametrize(("frozen", "stages"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (5, 7)])
def test_frozen_stages(frozen, stages):
    """All that leads to the feature of a stride; two stages each lead to strides 16 and 32."""
    parts = ("stem", *(f"stage_{stage}_" for stage in range(1, 8)))
    expected = parts[: stages + 1] if frozen else ()
    everything = {
        layer.name for layer in build().layers if layer.weights and is_published(layer.name)
    }
    assert frozen_names(frozen) == {name for name in everything if name.startswith(expected)}


def test_a_fourth_channel_adds_to_filters_that_stay(published):
    published("efficientnet_lite0")
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    depth = np.full((*images.shape[:3], 1), 127.0, np.float32)
    features = []
    for pixels in (images, np.concatenate([images, depth], axis=-1)):
        image = keras.Input((64, 64, pixels.shape[-1]))
        model = keras.Model(image, make_encoder("efficientnet_lite0", weights="imagenet")(image))
        features.append(keras.ops.convert_to_numpy(model(pixels)[-1]))
    np.testing.assert_allclose(features[0], features[1], atol=1e-3)


def test_reading_needs_no_torch_and_no_network(published, monkeypatch):
    published("efficientnet_lite0")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("asked a host"))
    make_encoder("efficientnet_lite0", weights="imagenet")(keras.Input((64, 64, 3)))


def test_a_saved_model_is_of_plain_layers(tmp_path):
    model = build((32, 32, 3))
    model.save(tmp_path / "lite.keras")
    opened = keras.models.load_model(tmp_path / "lite.keras")
    assert {type(layer).__module__.split(".")[0] for layer in opened.layers} == {"keras"}
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    for feature, other in zip(opened(images), model(images), strict=True):
        np.testing.assert_allclose(feature, other, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"output_stride": 4}, "output_stride must be one of 8, 16, 32. Received: 4"),
        ({"variant": 3}, "variant must be one of 0, 1, 2. Received: 3"),
    ],
)
def test_wrong_arguments_are_explained(options, expected):
    with pytest.raises(KsegError, match=expected):
        build(**options)
