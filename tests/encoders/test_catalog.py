"""Encoders by name: options, frozen stages, what is refused."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from kseg.encoders import ENCODERS, make_encoder


def build(name: str, shape=(None, None, 3), **options) -> keras.Model:
    image = keras.Input(shape, name="image")
    features = make_encoder(name, **options)(image)
    return keras.Model(image, [feature for feature in features if feature is not None])


def run(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Run without compiling, which takes longer for one small image."""
    return [keras.ops.convert_to_numpy(feature) for feature in model(images)]


def test_the_catalogue_does_not_import_keras():
    script = (
        "import sys; from kseg.encoders import ENCODERS, make_encoder; make_encoder('vgg16'); "
        "assert 'resnet34' in ENCODERS; assert not {'keras', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet101", "mit_b0", "mit_b1", "efficientnet_lite0", "mobilenetv3_small"],
)
def test_features_are_a_tuple_of_five_strides(name):
    features = make_encoder(name)(keras.Input((64, 128, 3)))
    assert isinstance(features, tuple)
    assert [
        feature if feature is None else (64 // feature.shape[1], 128 // feature.shape[2])
        for feature in features
    ] == [
        None if stride == 2 and "mit" in name else (stride, stride) for stride in (2, 4, 8, 16, 32)
    ]


def test_output_stride_is_given_by_the_caller():
    encoder = make_encoder("resnet18", width=4)
    outputs = encoder(keras.Input((64, 64, 3)), output_stride=8)
    assert [output.shape[1] for output in outputs] == [32, 16, 8, 8, 8]


@pytest.mark.parametrize(("name", "width", "last"), [("resnet50", 8, 256), ("mit_b0", 4, 32)])
def test_width(name, width, last):
    assert build(name, width=width).outputs[-1].shape[-1] == last


@pytest.mark.parametrize("name", ["resnet18", "mit_b0"])
def test_a_grey_image_gives_what_its_rgb_copy_gives(name):
    """Also where the colours are scaled by constants that differ, as for a Mix Transformer."""
    grey, rgb = (build(name, (64, 32, channels), width=4) for channels in (1, 3))
    rgb.set_weights(grey.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 32, 1), dtype=np.uint8)
    copies = np.repeat(images, 3, axis=-1)
    for feature, other in zip(run(grey, images), run(rgb, copies), strict=True):
        assert np.abs(other).max() > 0
        np.testing.assert_allclose(feature, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("name", ["resnet18", "mit_b0", "efficientnet_lite0", "mobilenetv3_small"])
def test_any_channels(name, channels):
    model = build(name, (None, None, channels))
    assert run(model, np.zeros((1, 32, 64, channels)))[-1].shape[1:3] == (1, 2)


def frozen_names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers if layer.weights and not layer.trainable}


def test_frozen_stages_of_a_resnet():
    everything = {layer.name for layer in build("resnet18", width=2).layers if layer.weights}
    stages = ("stem", "stage_1", "stage_2", "stage_3", "stage_4")
    for frozen in range(6):
        expected = {name for name in everything if name.startswith(stages[:frozen])}
        assert frozen_names(build("resnet18", width=2, frozen=frozen)) == expected
        assert bool(expected) == bool(frozen)


def test_a_stage_that_a_network_does_not_have_freezes_nothing():
    assert not frozen_names(build("mit_b0", width=2, frozen=1))
    frozen = frozen_names(build("mit_b0", width=2, frozen=2))
    assert frozen
    assert all(name.startswith("stage_1") for name in frozen)


@pytest.mark.parametrize("name", ["mobilenetv3_small", "mit_b0"])
def test_frozen_five_leaves_nothing_to_train(name):
    model = build(name, frozen=5)
    assert model.trainable_weights == []
    assert build(name).trainable_weights != []


def test_what_comes_before_and_after_the_encoder_is_not_frozen():
    image = keras.Input((32, 32, 2))
    x = keras.layers.Conv2D(3, 1, name="before")(image)
    x = make_encoder("resnet18", width=2, frozen=5)(x)[-1]
    model = keras.Model(image, keras.layers.Conv2D(1, 1, name="logits")(x))
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"before", "logits"}


def test_frozen_batch_normalisation_keeps_its_statistics():
    image = keras.Input((32, 32, 3))
    features = make_encoder("resnet18", width=2, frozen=2)(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(features[-1]))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.uniform(0, 255, (2, 32, 32, 3)), rng.normal(size=(2, 16)))

    def moved(name):
        return np.abs(model.get_layer(name).get_weights()[2]).max() > 0

    assert not moved("stem_norm")
    assert not moved("stage_1_block_2_norm_2")
    assert moved("stage_2_block_1_norm_1")


@pytest.mark.parametrize("name", ["resnet18", "mit_b0", "efficientnet_lite0", "mobilenetv3_small"])
def test_same_seed_gives_same_weights(name):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        weights.append(build(name).get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["resnet18", "mit_b0", "efficientnet_lite0", "mobilenetv3_small"])
def test_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        outputs = build(name).outputs
    finally:
        keras.config.set_dtype_policy("float32")
    assert {output.dtype for output in outputs} == {"bfloat16"}


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_every_name_makes_a_function(name):
    assert callable(make_encoder(name))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "resnet43"}, "Unknown encoder 'resnet43'. Did you mean 'resnet34'"),
        ({"name": "vgg16", "width": 8}, "'vgg16' has one width only"),
        ({"name": "efficientnet_lite1", "width": 8}, "'efficientnet_lite1' has one width only"),
        ({"name": "resnet50", "width": 8, "weights": "imagenet"}, "do not go together"),
        ({"name": "resnet50", "width": 0}, "width must be a whole number"),
        ({"name": "resnet50", "weights": "imagenette"}, "Unknown weights.*Did you mean 'imagenet'"),
        ({"name": "resnet50", "frozen": 6}, "frozen must be a number of stages from 0 to 5"),
        ({"name": "resnet50", "frozen": True}, "frozen must be a number of stages"),
    ],
)
def test_wrong_arguments_are_explained(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        make_encoder(**arguments)
