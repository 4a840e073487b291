"""Mix Transformers: published parameter counts, any size, what attention does."""

import keras
import numpy as np
import pytest

from kseg.encoders.catalog import ENCODERS
from kseg.encoders.mit import mit

NARROW = {"width": 4, "depths": (1, 1, 1, 1)}


def build(shape=(None, None, 3), **options) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, mit(image, **options)[1:])


# keras-cv 0.9.0's presets, less the 2,570 (B0) and 5,130 parameters of the ten-class layer that its
# counts include. The first is also that of `transformers.SegformerModel(SegformerConfig())`.
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("mit_b0", 3_321_962 - 2_570),
        ("mit_b1", 13_156_554 - 5_130),
        ("mit_b2", 24_201_418 - 5_130),
        ("mit_b5", 81_448_138 - 5_130),
    ],
)
def test_parameters_equal_the_published_counts(name, count):
    assert build(**ENCODERS[name][1]).count_params() == count


@pytest.mark.backend
def test_strides_and_widths_over_sizes():
    model = build(**NARROW)
    for height, width in ((64, 96), (32, 32)):
        features = model.predict_on_batch(np.zeros((2, height, width, 3)))
        assert [feature.shape[1:] for feature in features] == [
            (height // 4, width // 4, 4),
            (height // 8, width // 8, 8),
            (height // 16, width // 16, 20),
            (height // 32, width // 32, 32),
        ]


def test_there_is_nothing_at_stride_2():
    assert mit(keras.Input((None, None, 3)), **NARROW)[0] is None


@pytest.mark.parametrize("reduction", [True, False])
def test_attention_equals_its_formula(reduction):
    """softmax(Q K^T / sqrt(d)) V over all positions, with and without reduction."""
    keras.utils.set_random_seed(0)
    block = "stage_1_block_1" if reduction else "stage_4_block_1"
    model = build(**NARROW)
    layer = model.get_layer(f"{block}_attention")
    queries_keys = [model.get_layer(f"{block}_attention_norm").output]
    keys = f"{block}_attention_reduction_norm"
    queries_keys.append(model.get_layer(keys).output if reduction else queries_keys[0])
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    x, z, got = keras.Model(model.inputs, [*queries_keys, layer.output]).predict_on_batch(images)
    assert x.shape[1:3] == ((16, 16) if reduction else (2, 2))
    assert z.shape[1:3] == (2, 2)

    wq, bq, wk, bk, wv, bv, wo, bo = (np.float64(weight) for weight in layer.get_weights())
    flat = [part.reshape(-1, part.shape[-1]).astype(np.float64) for part in (x, z)]
    q = np.einsum("nc,chd->hnd", flat[0], wq) + bq[:, None]
    k = np.einsum("nc,chd->hnd", flat[1], wk) + bk[:, None]
    v = np.einsum("nc,chd->hnd", flat[1], wv) + bv[:, None]
    scores = np.exp(np.einsum("hnd,hmd->hnm", q, k) / np.sqrt(q.shape[-1]))
    values = np.einsum("hnm,hmd->hnd", scores / scores.sum(axis=-1, keepdims=True), v)
    expected = np.einsum("hnd,hdc->nc", values, wo) + bo
    np.testing.assert_allclose(got.reshape(expected.shape), expected, atol=1e-4)


def test_stochastic_depth_leaves_out_whole_branches_in_training_only():
    keras.utils.set_random_seed(0)
    model = build(width=4, depths=(1, 1, 1, 2), stochastic_depth=0.5)
    names = [layer.name for layer in model.layers]
    assert "stage_1_block_1_mix_drop" not in names
    drop = model.get_layer("stage_4_block_2_mix_drop")
    assert drop.rate == 0.5
    ones = np.ones((200, 2, 3, 4), np.float32)
    dropped = keras.ops.convert_to_numpy(drop(ones, training=True))
    assert np.ptp(dropped, axis=(1, 2, 3)).max() == 0
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert 60 < (dropped[:, 0, 0, 0] == 0).sum() < 140
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(drop(ones)), ones)


def test_gradient_reaches_every_weight():
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 64, 3))
    pooled = [
        keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("tanh")(feature))
        for feature in mit(image, **NARROW, stochastic_depth=0)[1:]
    ]
    model = keras.Model(image, keras.layers.Dense(1)(keras.layers.Concatenate()(pooled)))
    model.compile(keras.optimizers.SGD(10.0), "mse")
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    rng = np.random.default_rng(0)
    model.train_on_batch(rng.uniform(0, 255, (4, 32, 64, 3)), rng.normal(size=(4, 1)))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        # A bias of the keys moves all scores of a query alike, and softmax does not see it.
        if not weight.path.endswith("key/bias"):
            assert np.abs(keras.ops.convert_to_numpy(weight) - old).max() > 0, weight.path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"output_stride": 16}, "strides up to 32 only.*output_stride=16.*a ResNet"),
        ({"depths": (2, 2, 2)}, "depths must have as many entries as the stages: 4"),
        ({"width": 0}, "width must be a whole number"),
        ({"stochastic_depth": 1.0}, r"stochastic_depth must be in \[0, 1\)"),
    ],
)
def test_wrong_arguments_are_explained(options, expected):
    with pytest.raises(ValueError, match=expected):
        build(**options)
