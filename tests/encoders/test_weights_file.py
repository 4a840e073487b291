"""An encoder's weights from a file: those of its layers, wherever they stand in its model."""

import keras
import numpy as np
import pytest

from kseg.encoders import make_encoder, pretrained, weights_file
from kseg.errors import KsegError


def classifier(name="resnet18", classes=3, channels=3, **options):
    """An encoder, the mean of its last features, and a class."""
    image = keras.Input((None, None, channels))
    *_, features = make_encoder(name, **options)(image)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(image, keras.layers.Dense(classes, name="class")(pooled))


def shaken(model):
    """Give every weight a value of its own, running statistics too."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def encoder_of(path, name="resnet18", channels=3, **options):
    image = keras.Input((None, None, channels))
    features = make_encoder(name, weights=path, **options)(image)
    return keras.Model(image, [feature for feature in features if feature is not None])


def assert_taken(model, source):
    weights = {layer.name: layer.get_weights() for layer in source.layers if layer.weights}
    layers = [x for x in model.layers if x.weights and pretrained.is_published(x.name)]
    assert layers
    for layer in layers:
        for own, other in zip(layer.get_weights(), weights[layer.name], strict=True):
            np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize(
    ("name", "options"),
    [("resnet18", {"width": 4}), ("efficientnet_lite0", {}), ("mit_b0", {"width": 4})],
)
def test_every_layer_takes_its_weights(tmp_path, name, options):
    source = shaken(classifier(name, **options))
    source.save(tmp_path / "encoder.keras")
    assert_taken(encoder_of(tmp_path / "encoder.keras", name, **options), source)


def test_the_features_are_those_that_the_classifier_saw(tmp_path):
    source = shaken(classifier(width=4))
    source.save(tmp_path / "encoder.keras")
    model = encoder_of(tmp_path / "encoder.keras", width=4)
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 32, 3)).astype("float32")
    last = keras.Model(source.input, source.get_layer("class").input)(images)
    expected = keras.ops.convert_to_numpy(last)
    found = keras.ops.convert_to_numpy(model(images)[-1]).mean(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_encoder_may_be_a_model_inside_of_the_files_model(tmp_path):
    inside = shaken(encoder_of(None, width=4))
    whole = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.Model(inside.input, inside.outputs[-1]),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    whole.build((None, 64, 64, 3))
    whole.save(tmp_path / "whole.keras")
    assert_taken(encoder_of(str(tmp_path / "whole.keras"), width=4), inside)


def test_grey_images_need_a_file_of_as_many_channels(tmp_path):
    """Those of one are repeated to three, and so take the weights of three."""
    source = shaken(classifier(width=4))
    source.save(tmp_path / "encoder.keras")
    assert_taken(encoder_of(tmp_path / "encoder.keras", width=4, channels=1), source)
    with pytest.raises(KsegError, match=r"stem_conv does not match \(7x7x3x4 .*, 7x7x4x4 here"):
        encoder_of(tmp_path / "encoder.keras", width=4, channels=4)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("resnet18", {"width": 8}, r"stem_conv does not match \(7x7x3x4 there, 7x7x3x8 here\)"),
        ("resnet34", {"width": 4}, r"stage_1_block_3_conv_1 does not match \(not there\)"),
        ("efficientnet_lite0", {}, r"stem_conv does not match \(7x7x3x4 there, 3x3x3x32 here\)"),
    ],
)
def test_a_file_that_lacks_a_convolution_is_refused(tmp_path, name, options, expected):
    classifier(width=4).save(tmp_path / "encoder.keras")
    with pytest.raises(KsegError, match=f"{expected}. Give the encoder="):
        encoder_of(tmp_path / "encoder.keras", name, **options)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(KsegError, match="There is no file .*nowhere.keras"):
        encoder_of(tmp_path / "nowhere.keras")
    (tmp_path / "broken.keras").write_text("no model")
    with pytest.raises(KsegError, match="broken.keras is not a whole Keras model"):
        encoder_of(tmp_path / "broken.keras")


def test_a_file_that_holds_code_is_refused(tmp_path):
    image = keras.Input((8,))
    keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image)).save(tmp_path / "code.keras")
    with pytest.raises(KsegError, match="holds Lambda, a Python function.*refused"):
        encoder_of(tmp_path / "code.keras")


def test_what_is_neither_a_file_nor_published_is_refused():
    with pytest.raises(
        KsegError, match="Unknown weights 'encoder.h5'.* Known: a file that ends in .keras"
    ):
        make_encoder("resnet18", weights="encoder.h5")
    assert not weights_file.is_file(None)
