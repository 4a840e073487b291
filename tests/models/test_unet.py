"""The U-Net: published parameter counts, any size, what is saved."""

import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest

from kseg import blocks, build_unet

NARROW = (4, 8, 16)
ANY = (None, None, 3)


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("classes", "options", "count"),
    [
        # milesial/Pytorch-UNet, bilinear=False, gives the first three.
        (8, {}, 31_038_088),
        (2, {}, 31_037_698),
        (1, {}, 31_037_633),
        # milesial/Pytorch-UNet, bilinear=True.
        (
            8,
            {
                "filters": (64, 128, 256, 512, 512),
                "decoder_filters": ((512, 256), (256, 128), (128, 64), 64),
                "up": blocks.upsample,
            },
            17_263_432,
        ),
        (8, {"up": blocks.upsample}, 31_385_288),
        (
            34,
            {
                "block": partial(blocks.double_convolution, use_bias=True),
                "down": blocks.strided_convolution,
                "up": partial(blocks.upsample, interpolation="nearest", kernel_size=1),
                "head": partial(blocks.convolution, filters=3, normalization=None),
            },
            32_090_763,
        ),
    ],
)
def test_parameters_equal_the_published_counts(classes, options, count):
    assert trainable(build_unet(ANY, classes, **options)) == count


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 1), (20, 64)])
@pytest.mark.parametrize("up", [blocks.transposed_convolution, blocks.upsample])
def test_any_static_size(size, up):
    model = build_unet((*size, 3), 4, filters=NARROW, up=up)
    assert model(np.zeros((2, *size, 3))).shape == (2, *size, 4)


@pytest.mark.backend
@pytest.mark.parametrize("up", [blocks.transposed_convolution, blocks.upsample])
def test_sizes_vary_in_one_process(up):
    model = build_unet(ANY, 3, filters=NARROW, up=up)
    for size in ((16, 24), (32, 8), (4, 4)):
        assert model.predict_on_batch(np.zeros((1, *size, 3))).shape == (1, *size, 3)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("classes", [1, 5])
def test_outputs_are_probabilities(channels, classes):
    keras.utils.set_random_seed(0)
    model = build_unet((None, None, channels), classes, filters=NARROW)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, channels), dtype=np.uint8)
    values = keras.ops.convert_to_numpy(model(images))
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() <= 1
    if classes > 1:
        np.testing.assert_allclose(values.sum(axis=-1), 1, atol=1e-5)


def test_logits_are_what_softmax_turns_into_probabilities():
    images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    outputs = []
    for activation in ("auto", None):
        keras.utils.set_random_seed(3)
        model = build_unet(ANY, 4, filters=NARROW, activation=activation)
        outputs.append(keras.ops.convert_to_numpy(model(images)).astype(np.float64))
    probabilities, logits = outputs
    expected = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize(
    "options",
    [
        {"skip": None},
        {"block": blocks.residual},
        {"block": partial(blocks.residual, normalization=None, dropout=0.2)},
        {"block": partial(blocks.double_convolution, activation="gelu", dropout=0.1, dilation=2)},
        {"down": blocks.strided_convolution},
        {"up": partial(blocks.upsample, kernel_size=1)},
        {"up": partial(blocks.upsample, interpolation="nearest")},
    ],
)
def test_gradient_reaches_every_weight(options):
    keras.utils.set_random_seed(0)
    model = build_unet((16, 16, 3), 3, filters=NARROW, **options)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    before = [weight.numpy() for weight in model.trainable_weights]
    images = rng.integers(0, 256, (4, 16, 16, 3))
    for _ in range(2):
        model.train_on_batch(images, rng.integers(0, 3, (4, 16, 16)))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 0, weight.path


def test_skips_can_be_left_out():
    without = build_unet(ANY, 2, filters=NARROW, skip=None)
    assert not [layer for layer in without.layers if isinstance(layer, keras.layers.Concatenate)]


def test_same_seed_gives_same_weights():
    def weights():
        keras.utils.set_random_seed(7)
        return build_unet(ANY, 2, filters=NARROW).get_weights()

    for first, second in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.backend
def test_mixed_precision_keeps_the_output_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_unet(ANY, 3, filters=NARROW)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(model(np.zeros((1, 8, 8, 3))).dtype) == "float32"


def test_layer_names_read_like_the_figure():
    names = [layer.name for layer in build_unet((32, 32, 3), 2, filters=NARROW).layers]
    for name in ("encoder_1_conv_1", "encoder_2_down", "bottleneck_conv_2", "decoder_1_skip"):
        assert name in names
    assert names.index("decoder_2_up") < names.index("decoder_1_up")


@pytest.mark.parametrize("up", [blocks.transposed_convolution, blocks.upsample])
def test_saved_model_opens_without_kseg(tmp_path, up):
    keras.utils.set_random_seed(0)
    model = build_unet(ANY, 3, filters=NARROW, up=up)
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    model.train_on_batch(images, rng.integers(0, 3, (2, 16, 24)))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "expected.npy", keras.ops.convert_to_numpy(model(images)))
    script = """
import sys
sys.modules["kseg"] = None
import keras, numpy as np
model = keras.models.load_model("model.keras")
got = keras.ops.convert_to_numpy(model(np.load("images.npy")))
np.testing.assert_allclose(got, np.load("expected.npy"), atol=1e-5)
modules = {layer.__class__.__module__.split(".")[0] for layer in model.layers}
assert modules == {"keras"}, modules
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"input_shape": (256, 256)}, "input_shape must be"),
        ({"input_shape": (0, 256, 3)}, "input_shape must be"),
        ({"num_classes": 0}, "num_classes must be"),
        ({"num_classes": 2.5}, "num_classes must be"),
        ({"filters": (64,)}, "filters needs at least 2"),
        ({"filters": 64}, "filters must be a sequence"),
        ({"filters": (64, -1)}, "filters must be a whole number"),
        ({"decoder_filters": (64,)}, "decoder_filters must have as many entries"),
        ({"block": "residual"}, "block must be a function"),
        ({"activation": "softmx"}, "Did you mean 'softmax'"),
    ],
)
def test_wrong_arguments_are_explained(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        build_unet(**({"input_shape": (64, 64, 3), "num_classes": 2} | arguments))
