"""Parameters, FLOPs and receptive fields, by hand and by trying."""

import re
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import kseg.blocks
import kseg.models
from kseg import blocks, build_attention_unet, build_unet, build_unet3plus, build_unetpp
from kseg.models.architectures import ARCHITECTURES
from kseg.models.catalog import build
from kseg.models.measures import measure, parts, receptive_field, shapes_only
from kseg.models.settings import Model


def model_of(*stack, size=(8, 8, 3)) -> keras.Model:
    image = x = keras.Input(size)
    for layer in stack:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    ("stack", "flops"),
    [
        ([layers.Conv2D(5, 3, padding="same")], 2 * 64 * 9 * 3 * 5),
        ([layers.Conv2D(5, 3, strides=2, padding="same")], 2 * 16 * 9 * 3 * 5),
        ([layers.Conv2D(6, 1, groups=3)], 2 * 64 * 1 * 6),
        ([layers.DepthwiseConv2D(3, padding="same")], 2 * 64 * 9 * 3),
        ([layers.Conv2DTranspose(4, 2, strides=2)], 2 * 64 * 4 * 3 * 4),
        ([layers.Dense(7)], 2 * 64 * 3 * 7),
        ([layers.MaxPooling2D(), layers.BatchNormalization()], 0),
    ],
)
def test_flops_by_hand(stack, flops):
    assert measure(model_of(*stack), (8, 8)).flops == flops
    unsized = model_of(
        *[type(one).from_config(one.get_config()) for one in stack], size=(None, None, 3)
    )
    assert measure(unsized, (8, 8)).flops == flops


def test_flops_of_attention_by_hand():
    image = keras.Input((4, 4, 8))
    keys = layers.MaxPooling2D()(image)
    x = layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))(image, keys)
    query, key = 16, 4
    expected = 2 * (2 * query * 8 * 8 + 2 * key * 8 * 8 + 2 * query * key * 8)
    assert measure(keras.Model(image, x), (4, 4)).flops == expected


@pytest.mark.parametrize(
    ("stack", "field"),
    [
        ([layers.Conv2D(1, 3, padding="same")], 3),
        ([layers.Conv2D(1, 3, padding="same"), layers.Conv2D(1, 3, padding="same")], 5),
        ([layers.Conv2D(1, 3, dilation_rate=4, padding="same")], 9),
        ([layers.MaxPooling2D(), layers.Conv2D(1, 3, padding="same")], 6),
        ([layers.GlobalAveragePooling2D(keepdims=True)], None),
    ],
)
def test_receptive_fields_by_hand(stack, field):
    assert receptive_field(model_of(*stack)) == field


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_unet, {}),
        (build_unet, {"up": blocks.upsample}),
        (build_unet, {"down": blocks.strided_convolution}),
        (build_unet, {"block": blocks.residual, "up": blocks.up_convolution}),
        (build_unet, {"up": partial(blocks.transposed_convolution, kernel_size=4)}),
        (build_unetpp, {"heads": 1}),
        (build_unet3plus, {"heads": 1, "skip_filters": 2}),
        (build_attention_unet, {}),
    ],
)
def test_changed_pixels_reach_as_far_as_the_field(build, options):
    """Columns of the image are changed one by one; those that count for an output span a field."""
    model = build((1, 128, 3), 1, filters=(4, 4, 4), activation=None, **options)
    for weight in model.weights:
        if "kernel" in weight.path:
            weight.assign(keras.ops.full_like(weight, 0.1))
    base = np.full((1, 1, 128, 3), 140.0)
    changed = np.repeat(base, 128, axis=0)
    changed[np.arange(128), :, np.arange(128)] = 200.0
    before, after = (keras.ops.convert_to_numpy(model(images)) for images in (base, changed))
    counts = np.abs(after - before).max(axis=(1, 3)) > 1e-6 * np.abs(before).max()
    columns = [np.flatnonzero(column) for column in counts.T]
    assert max(found[-1] - found[0] + 1 for found in columns) == receptive_field(model)


def test_parts_sum_a_network_up():
    found, joined = parts(build(Model(arch="unet", width=4), (None, None, 3), 2))
    assert list(found)[:2] == ["image", "encoder_1"]
    assert found["encoder_1"] == (4, 1)
    assert found["bottleneck"] == (64, 16)
    assert found["logits"] == (2, 1)
    assert ("encoder_4", "decoder_4") in joined
    assert ("encoder_1", "decoder_4") not in joined


def test_a_shared_layer_counts_each_time_it_is_called():
    image = keras.Input((8, 8, 4))
    shared = layers.Conv2D(4, 3, padding="same")
    model = keras.Model(image, shared(shared(image)))
    assert measure(model, (8, 8)).flops == 2 * (2 * 64 * 9 * 4 * 4)
    assert receptive_field(model) == 5


def test_what_is_unknown_is_named_and_not_counted_as_nothing():
    class Mixing(layers.Layer):
        def call(self, x):
            return x @ keras.ops.ones((3, 3))

        def compute_output_shape(self, shape):
            return shape

    image = keras.Input((8, 8, 3))
    mixed = Mixing(name="mixing")
    x = mixed(mixed(layers.Conv2D(3, 1)(image)))
    x = keras.ops.matmul(x, keras.ops.transpose(x, (0, 1, 3, 2)))
    measures = measure(keras.Model(image, x), (8, 8))
    assert measures.flops == 2 * 64 * 3 * 3
    assert len(measures.uncounted) == 2
    assert measures.uncounted[0] == "mixing"
    assert measures.uncounted[1].startswith("matmul")
    assert measures.receptive_field is None


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_everything_in_kseg_is_counted(arch):
    with shapes_only():
        model = build(Model(arch=arch, width=8), (None, None, 3), 2)
    assert measure(model).uncounted == ()


@pytest.mark.parametrize(
    "encoder",
    ["mit_b0", "efficientnet_lite0", "mobilenetv3_small", "efficientnetv2_b0", "vgg16"],
)
def test_everything_in_encoders_is_counted(encoder):
    with shapes_only():
        model = build(Model(arch="fpn", encoder=encoder), (None, None, 3), 2)
    assert measure(model).uncounted == ()


@pytest.mark.backend
def test_measuring_leaves_a_network_as_it_is():
    """Layers get no further calls, and a compiled model of several heads is measured too."""
    model = build_unetpp((None, None, 3), 2, filters=(4, 8, 16))
    model.compile("adam", "sparse_categorical_crossentropy")
    before = [layer.output for layer in model.layers]
    first, second = measure(model, (64, 64)), measure(model, (64, 128))
    assert second.flops == 2 * first.flops
    assert second.receptive_field == first.receptive_field
    assert all(layer.output is old for layer, old in zip(model.layers, before, strict=True))
    assert model(np.zeros((1, 8, 8, 3)))["x0_1"].shape == (1, 8, 8, 2)


def test_measures_do_without_private_parts_of_keras():
    private = re.compile(r"\b(model|layer|operation|node|call|copy|keras|x)\._[a-z]")
    for part in (kseg.models, kseg.blocks):
        for path in Path(part.__file__).parent.glob("*.py"):
            assert not private.search(path.read_text()), path
