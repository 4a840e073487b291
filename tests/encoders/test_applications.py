"""Networks of keras.applications as encoders: strides, counts, what is saved."""

import subprocess
import sys
from functools import cache

import keras
import numpy as np
import pytest

from kseg.encoders import ENCODERS, make_encoder
from kseg.encoders.applications import application
from kseg.encoders.table import APPLICATIONS

ONE_A_FAMILY = [
    "efficientnetv2_b0",
    "mobilenetv2",
    "mobilenetv3_small",
    "densenet121",
    "resnet50v2",
    "vgg16",
]


@cache
def build(name: str) -> keras.Model:
    image = keras.Input((None, None, 3), name="image")
    return keras.Model(image, make_encoder(name)(image))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_strides_are_exact(name):
    features = application(keras.Input((64, 160, 3)), name=name)
    assert [tuple(feature.shape[1:3]) for feature in features] == [
        (64 // 2**level, 160 // 2**level) for level in range(1, 6)
    ]


@pytest.mark.parametrize("name", ONE_A_FAMILY)
def test_strides_are_exact_where_the_size_is_not_known(name):
    model = build(name)
    for height, width in ((32, 64), (96, 32)):
        features = model(np.zeros((1, height, width, 3)))
        assert [tuple(feature.shape[1:3]) for feature in features] == [
            (height // 2**level, width // 2**level) for level in range(1, 6)
        ]


# Keras's documentation: the networks without their last layers.
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vgg16", 14_714_688),
        ("vgg19", 20_024_384),
        ("densenet121", 7_037_504),
        ("densenet169", 12_642_880),
        ("densenet201", 18_321_984),
        ("resnet50v2", 23_564_800),
    ],
)
def test_parameters_equal_the_published_counts(name, count):
    assert build(name).count_params() == count


def test_the_classifier_is_left_out():
    """EfficientNetV2-B0 has 5,919,312 parameters with its last 1x1 convolution to 1280 channels."""
    last = 192 * 1280 + 4 * 1280
    assert build("efficientnetv2_b0").count_params() == 5_919_312 - last


@pytest.mark.parametrize("name", ["efficientnetv2_b0", "mobilenetv3_small", "densenet121"])
def test_batch_normalisation_follows_fast(name):
    norms = [
        layer for layer in build(name).layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms
    assert {layer.momentum for layer in norms} == {0.9}


def test_the_catalogue_names_every_application():
    builders = {name: options for name, (_, options) in ENCODERS.items() if "name" in options}
    assert builders == {name: {"name": name} for name in APPLICATIONS}


def test_dilation_is_refused():
    with pytest.raises(ValueError, match="'vgg16' gives.*output_stride=8.*a ResNet"):
        application(keras.Input((None, None, 3)), name="vgg16", output_stride=8)


def test_saved_encoders_open_without_kseg(tmp_path):
    """One process opens all."""
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    models = {name: build(name) for name in ("mobilenetv3_small", "densenet121", "vgg16")}
    for name in ("resnet18", "mit_b0"):
        image = keras.Input((None, None, 3))
        models[name] = keras.Model(image, make_encoder(name, width=4)(image)[-1])
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
        last = keras.tree.flatten(model(images))[-1]
        np.save(tmp_path / f"{name}.npy", keras.ops.convert_to_numpy(last))
    script = """
import sys
sys.modules["kseg"] = None
import keras, numpy as np, pathlib
images = np.load("images.npy")
for path in pathlib.Path().glob("*.keras"):
    model = keras.models.load_model(path)
    expected = np.load(path.with_suffix(".npy"))
    got = keras.ops.convert_to_numpy(keras.tree.flatten(model(images))[-1])
    scale = np.abs(expected).max()
    assert scale > 0, path
    np.testing.assert_allclose(got / scale, expected / scale, atol=1e-4, err_msg=path.name)
    modules = {layer.__class__.__module__.split(".")[0] for layer in model.layers}
    assert modules == {"keras"}, modules
    print(path.stem)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) == set(models)
