"""The contract of every architecture: sizes, classes, channels, precision, seed, names, saving."""

import inspect
import re
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest

from kseg import blocks
from kseg.models import catalog
from kseg.models.architectures import ARCHITECTURES
from kseg.models.catalog import builder
from kseg.models.settings import Model

WIDTH = 8
UNNAMED = re.compile(
    r"(activation|add|average_pooling2d|batch_normalization|concatenate|conv2d|conv2d_transpose|"
    r"cropping2d|dense|dropout|max_pooling2d|multiply|rescaling|up_sampling2d|zero_padding2d)"
    r"(_\d+)?"
)
FIGURE = {
    "attention_unet": ("encoder_1_conv_1", "bottleneck_conv_2", "decoder_4_gate_map"),
    "convnet": ("layer_1_conv", "layer_7_act"),
    "deep_unet": ("encoder_6_down", "bottleneck_conv_1", "decoder_6_up"),
    "deeplabv3plus": ("stage_7_block_1_project_conv", "aspp_rate_12_depthwise", "decoder_low_conv"),
    "encoder_decoder": ("encoder_1_conv_1", "decoder_1_up"),
    "encoder_unet": ("stem_conv", "stage_1_block_1_depthwise_conv", "decoder_5_skip"),
    "encoder_unetpp": ("x1_4_conv_1", "x4_1_skip", "x0_5_conv_2"),
    "fpn": ("p5_lateral", "p2", "branch_5_3_conv"),
    "linknet": ("decoder_5_up", "decoder_2_skip"),
    "manet": ("center_attention", "decoder_5_channel_attention"),
    "pan": ("pyramid_down_7_conv", "decoder_3_weights_conv"),
    "pspnet": ("pyramid_6x6_conv", "fusion_conv"),
    "r2unet": ("encoder_1_1_2_act", "decoder_1_entry"),
    "residual_unet": ("encoder_2_shortcut_conv", "bottleneck_add"),
    "resnet34_unet": ("stage_3_block_6_add", "bottleneck_block_1_conv_1", "decoder_1_norm"),
    "segformer": ("scale_5_linear", "fusion_conv"),
    "u2net": ("encoder_1_down_conv_6", "decoder_5_bottom_conv", "side_6_logits", "fused_logits"),
    "unet": ("encoder_1_conv_1", "bottleneck_conv_2", "decoder_1_skip"),
    "unet3plus": ("decoder_4_scale_5_conv", "decoder_4_from_encoder_1_pool", "decoder_3_logits"),
    "unetpp": ("x0_4_skip", "x4_0_conv_1", "x1_3_up_mean_1", "x0_1_logits"),
}


def build(arch: str, shape: tuple, classes: int) -> keras.Model:
    return catalog.build(Model(arch=arch, width=WIDTH), shape, classes)


def as_numpy(outputs) -> np.ndarray:
    return keras.ops.convert_to_numpy(outputs)


def final(model: keras.Model) -> keras.Model:
    return getattr(model, "final", model)


@pytest.fixture
def bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


# JAX takes up to half a minute to call a network for the first time, so that on it one network of
# every kind of block is called.
EVERY_BLOCK = ("attention_unet", "deeplabv3plus", "pan", "segformer", "unetpp")
MARKS = dict.fromkeys(EVERY_BLOCK, pytest.mark.backend)


def test_the_figures_name_architectures():
    assert set(FIGURE) <= set(ARCHITECTURES)
    assert list(ARCHITECTURES) == sorted(ARCHITECTURES)


@pytest.mark.parametrize(
    "arch", [pytest.param(arch, marks=MARKS.get(arch, ())) for arch in ARCHITECTURES]
)
def test_an_odd_size_many_classes_and_channels_in_mixed_precision(arch, bfloat16):
    model = final(build(arch, (33, 47, 4), 5))
    images = np.random.default_rng(0).uniform(0, 255, (2, 33, 47, 4))
    outputs = model(images)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    outputs = as_numpy(outputs)
    assert outputs.shape == (2, 33, 47, 5)
    assert outputs.min() >= 0
    np.testing.assert_allclose(outputs.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_one_network_takes_many_sizes_one_class_and_grey_images(arch):
    model = final(build(arch, (None, None, 1), 1))
    rng = np.random.default_rng(0)
    for height, width in ((64, 128), (128, 64)):
        images = rng.uniform(0, 255, (1, height, width, 1)).astype("float32")
        outputs = model.predict_on_batch(images)
        assert outputs.shape == (1, height, width, 1)
        np.testing.assert_allclose(outputs, as_numpy(model(images)), atol=1e-4)
        assert 0 <= outputs.min() <= outputs.max() <= 1


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_batch_is_predicted_as_its_images_are(arch):
    model = final(build(arch, (None, None, 3), 3))
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))
    single = [as_numpy(model(images[index : index + 1]))[0] for index in (0, 1)]
    np.testing.assert_allclose(as_numpy(model(images)), single, atol=2e-4)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_same_seed_same_weights_and_names_like_the_figure(arch):
    def built() -> keras.Model:
        keras.utils.set_random_seed(7)
        return build(arch, (64, 64, 3), 2)

    first, second = built(), built()
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    names = [layer.name for layer in first.layers]
    assert set(FIGURE.get(arch, ())) <= set(names)
    assert len(set(names)) == len(names)
    assert not [name for name in names if UNNAMED.fullmatch(name)]


def test_saved_models_open_without_kseg_and_predict_the_same(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1, 64, 128, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    for arch in ARCHITECTURES:
        model = build(arch, (None, None, 3), 3)
        for weight in model.non_trainable_weights:
            if "variance" in weight.path:
                weight.assign(weight * rng.uniform(0.5, 2))
        model.save(tmp_path / f"{arch}.keras")
        np.save(tmp_path / f"{arch}.npy", as_numpy(final(model)(images)))
    script = """
import sys
sys.modules["kseg"] = None
from pathlib import Path
import keras, numpy as np
images = np.load("images.npy")
for path in sorted(Path().glob("*.keras")):
    model = keras.models.load_model(path)
    assert type(model).__name__ == "Functional", path
    got = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(got, np.load(path.with_suffix(".npy")), atol=1e-4, err_msg=path)
    assert {layer.__class__.__module__.split(".")[0] for layer in model.layers} == {"keras"}, path
print(len(sorted(Path().glob("*.keras"))))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) == len(ARCHITECTURES)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_logits_are_what_the_activation_is_applied_to(arch):
    outputs = []
    for activation in (None, "auto"):
        keras.utils.set_random_seed(3)
        options = {**catalog.arguments(Model(arch=arch, width=WIDTH)), "activation": activation}
        model = final(builder(arch)((32, 32, 3), 2, **options))
        images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
        outputs.append(as_numpy(model(images)).astype(np.float64))
    logits, probabilities = outputs
    expected = np.exp(logits - logits.max(axis=-1, keepdims=True))
    expected /= expected.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


FAULTS = {
    "input_shape": ((256, 256), (0, 64, 3), (64, 64, 0), 3),
    "num_classes": (0, -1, 2.5),
    "activation": ("softmx", 3, "softmax"),
    "filters": ((), (64, -1), "64", 0, -8, None, 2.5, (((8, 8), 8), 8)),
    "dilations": ((0,) * 7, (1, 2)),
    "counts": ((3, 4), (0, 4, 6, 3, 1), ((3,), 4, 6, 3, 1)),
    "skip_filters": (0,),
    "decoder_filters": ((64,), ((16, 64), (16,), 8, 8, 8)),
    "rates": ((0, 6), ()),
    "bins": ((0,), (), ((1, 2), 3)),
    "output_stride": (4, 12),
    "dropout": (1.0, -0.1, "0.5"),
    "key_filters": (0,),
    "reduction": (0,),
    "head_filters": (0,),
    "low_filters": (0,),
    "heads": (0, -1, 9, 1.5),
    "head_weights": ("equals", (1,), (0, 0, 0, 0), (-1, 1, 1, 1)),
    "block": (
        "residual",
        partial(blocks.double_convolution, dilation=0),
        partial(blocks.double_convolution, dropout=(0.2, 1.0)),
        partial(blocks.double_convolution, normalization="bach"),
    ),
    "up": ("nearest", partial(blocks.upsample, interpolation="cubic")),
    "down": ("pool",),
    "skip": ("add",),
    "encoder": ("resnet34",),
    "gate": ("gate",),
    "head": ("3x3", partial(blocks.convolution, filters=0)),
    "kernel_size": (0, 1.5),
}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_bad_argument_is_refused_before_any_layer_is_built(arch, monkeypatch):
    function = builder(arch)
    monkeypatch.setattr(keras.Layer, "__init__", no_layer)
    parameters = set(inspect.signature(function).parameters)
    assert len(parameters) <= 11
    for name in parameters & set(FAULTS):
        for value in FAULTS[name]:
            if value is None and name == "decoder_filters":
                continue
            with pytest.raises(ValueError, match="must|needs|Unknown|pairs") as error:
                function(**{name: value})
            assert "Received" in str(error.value) or "Known" in str(error.value)
    with pytest.raises(ValueError, match="a pixel bears one class"):
        function(num_classes=34, activation="sigmoid")


def no_layer(*args, **kwargs):
    raise RuntimeError("a layer was built")
