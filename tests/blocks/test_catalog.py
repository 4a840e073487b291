"""The blocks by name: texts of a recipe to functions, and the options that they share."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from kseg import _calls, _checks, blocks
from kseg.blocks import catalog

TABLES = {
    "block": catalog.BLOCKS,
    "down": catalog.DOWNS,
    "up": catalog.UPS,
    "skip": catalog.SKIPS,
    "head": catalog.HEADS,
}


def block_of(text: str):
    call = _calls.read(text, catalog.BLOCKS, "block")
    return _calls.function(call, catalog.BLOCKS, "block", given=catalog.GIVEN)


def built(text: str, channels: int = 4, filters: int = 8) -> keras.Model:
    image = keras.Input((8, 8, channels))
    return keras.Model(image, block_of(text)(image, filters, name="block"))


@pytest.mark.parametrize("what", TABLES)
def test_names_are_the_functions_own(what):
    for name in TABLES[what]:
        found = _calls.function(_calls.Call(name), TABLES[what], what)
        assert found.__name__ == name
        assert found is getattr(blocks, name)


def test_the_tables_do_not_import_keras():
    script = (
        "import sys; from kseg.blocks import catalog; assert not {'keras', 'numpy'} & "
        "set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_words_that_are_checked_are_those_that_exist():
    assert set(catalog.NORMALIZATIONS) == set(_checks._WORDS["normalization"])
    for name in _checks._WORDS["activation"]:
        assert callable(keras.activations.get(name))


@pytest.mark.backend
@pytest.mark.parametrize("name", catalog.BLOCKS)
def test_one_text_of_options_works_in_every_block(name):
    rates = "(0.2, 0.5)" if name in ("double_convolution", "residual") else "0.3"
    model = built(
        f"{name}(dilation=2, dropout={rates}, activation=leaky_relu, normalization=none, "
        "use_bias=true)"
    )
    spatial = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
        and layer.kernel_size == (3, 3)
    ]
    assert spatial
    assert {layer.dilation_rate for layer in spatial} == {(2, 2)}
    assert all(layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    activations = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    assert {layer.get_config()["activation"] for layer in activations} == {"leaky_relu"}
    dropped = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropped == ([0.3] if rates == "0.3" else [0.2, 0.5])
    assert not [layer for layer in model.layers if "norm" in layer.name]
    values = np.random.default_rng(0).normal(size=(1, 8, 8, 4))
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    got, expected = (keras.ops.convert_to_numpy(one(values)) for one in (again, model))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_rates_come_before_each_activation_and_one_rate_after_the_block():
    each = [layer.name for layer in built("double_convolution(dropout=(0.2, 0.5))").layers]
    for step in ("_1", "_2"):
        norm, act = each.index(f"block_norm{step}"), each.index(f"block_act{step}")
        assert norm < each.index(f"block_dropout{step}") < act
    assert built("double_convolution(dropout=0.2)").layers[-1].name == "block_dropout"
    only_last = built("double_convolution(dropout=(0, 0.5))")
    assert [one.name for one in only_last.layers if "dropout" in one.name] == ["block_dropout_2"]


def test_a_block_needs_one_rate_per_convolution():
    with pytest.raises(ValueError, match="dropout must have as many entries as .*: 2. Received 3"):
        built("double_convolution(dropout=(0.1, 0.2, 0.3))")


@pytest.mark.backend
@pytest.mark.parametrize(("name", "axes"), [("group", (1, 2, 4)), ("layer", (3, 4))])
def test_normalisations_by_name(name, axes):
    """48 channels make 16 groups of 3; a layer norm has one group at each pixel."""
    image = keras.Input((4, 4, 48))
    block = block_of(f"convolution(activation=none, normalization={name})")
    model = keras.Model(image, block(image, 48, 1, name="block"))
    model.layers[1].set_weights([np.eye(48)[None, None]])
    values = np.random.default_rng(0).normal(size=(2, 4, 4, 48))
    parts = values.reshape(2, 4, 4, 16, 3) if name == "group" else values[:, :, :, None]
    parts = parts - parts.mean(axis=axes, keepdims=True)
    expected = parts / np.sqrt((parts**2).mean(axis=axes, keepdims=True) + 1e-3)
    got = keras.ops.convert_to_numpy(model(values))
    np.testing.assert_allclose(got, expected.reshape(values.shape), atol=1e-4)


def test_batch_is_the_default():
    named, default = built("convolution(normalization=batch)"), built("convolution")
    assert named.get_config()["layers"][2]["class_name"] == "BatchNormalization"
    assert [w.shape for w in named.weights] == [w.shape for w in default.weights]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("double_convolution(dropuot=0.1)", "Did you mean 'dropout'"),
        ("double_convolution(name=other)", "Unknown option of the block double_convolution 'name'"),
        ("convolution(filters=3)", "Unknown option of the block convolution 'filters'"),
        ("residuals", "Did you mean 'residual'"),
    ],
)
def test_unknown_options_are_refused(text, expected):
    with pytest.raises(ValueError, match=expected):
        block_of(text)


def test_a_head_needs_its_channels():
    call = _calls.read("convolution(kernel_size=1)", catalog.HEADS, "head")
    with pytest.raises(ValueError, match=r"needs filters, as in convolution\(filters=3\)"):
        _calls.function(call, catalog.HEADS, "head", needs=("filters",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("double_convolution(dropout=(0.2, 1))", r"dropout of block must be a number in \[0, 1\)"),
        ("double_convolution(dropout=true)", "dropout of block must be a number"),
        ("double_convolution(activation=leaky)", "Did you mean 'leaky_relu'"),
        ("double_convolution(normalization=bach)", "Did you mean 'batch'"),
        ("double_convolution(use_bias=maybe)", "use_bias of block must be true or false"),
        ("residual(strides=0)", "Unknown option of the block residual .strides."),
    ],
)
def test_bad_values_are_refused(text, expected):
    with pytest.raises(ValueError, match=expected):
        _checks.functions(block=block_of(text))
