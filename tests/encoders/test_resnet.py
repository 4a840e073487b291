"""ResNets: published parameter counts, strides, dilation, any size and any channels."""

import keras
import numpy as np
import pytest

from kseg.encoders.resnet import resnet


def trainable(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def build(shape=(None, None, 3), **options) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, resnet(image, **options))


# torchvision's resnet18 to resnet101 without their last layer `fc`.
@pytest.mark.parametrize(
    ("depth", "count"),
    [(18, 11_176_512), (34, 21_284_672), (50, 23_508_032), (101, 42_500_160)],
)
def test_parameters_equal_the_published_counts(depth, count):
    assert trainable(build(depth=depth)) == count


@pytest.mark.parametrize(("depth", "widths"), [(18, (4, 4, 8, 16, 32)), (50, (4, 16, 32, 64, 128))])
def test_strides_and_widths(depth, widths):
    model = build(depth=depth, width=4)
    for height, width in ((64, 96), (32, 32)):
        features = model.predict_on_batch(np.zeros((1, height, width, 3)))
        shapes = [feature.shape[1:] for feature in features]
        assert shapes == [
            (height // 2**level, width // 2**level, channels)
            for level, channels in enumerate(widths, start=1)
        ]


@pytest.mark.parametrize(
    ("output_stride", "strides"),
    [(32, (2, 4, 8, 16, 32)), (16, (2, 4, 8, 16, 16)), (8, (2, 4, 8, 8, 8))],
)
@pytest.mark.parametrize("depth", [18, 50])
def test_output_stride(depth, output_stride, strides):
    outputs = build((64, 96, 3), depth=depth, width=2, output_stride=output_stride).outputs
    assert [(64 // output.shape[1], 96 // output.shape[2]) for output in outputs] == [
        (stride, stride) for stride in strides
    ]


@pytest.mark.parametrize(("output_stride", "thinning"), [(16, 2), (8, 4)])
def test_dilated_features_hold_the_strided_ones(output_stride, thinning):
    """Filters see the pixels that they would have seen: thinned out, the features are the same."""
    keras.utils.set_random_seed(0)
    strided = build(depth=50, width=4)
    dilated = build(depth=50, width=4, output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3))
    expected = strided.predict_on_batch(images)[-1]
    got = dilated.predict_on_batch(images)[-1]
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(got[:, ::thinning, ::thinning] / scale, expected / scale, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_any_channels(channels):
    model = build((32, 32, channels), depth=18, width=2)
    assert model.get_layer("stem_conv").kernel.shape[2] == channels
    assert model(np.zeros((1, 32, 32, channels)))[-1].shape == (1, 1, 1, 16)


def test_pixels_are_scaled_inside():
    model = build(depth=18, width=2)
    pixels = keras.Model(model.input, model.get_layer("encoder_pixels").output)
    images = np.full((1, 2, 2, 3), 255, np.uint8)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(pixels(images)), 1, rtol=1e-6)


def test_activation_is_used_throughout():
    model = build(depth=18, width=2, activation="gelu")
    used = {
        layer.activation for layer in model.layers if isinstance(layer, keras.layers.Activation)
    }
    assert used == {keras.activations.gelu}


def test_layer_names_read_like_the_figure():
    names = {layer.name for layer in build(depth=50, width=2).layers}
    assert {"stem_conv", "stage_1_block_1_shortcut_conv", "stage_4_block_3_conv_3"} <= names
    assert "stage_2_block_2_shortcut_conv" not in names


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"depth": 33}, r"depth must be one of \(18, 34, 50, 101\)"),
        ({"width": 0}, "width must be a whole number"),
        ({"output_stride": 4}, "output_stride must be 32, 16 or 8"),
    ],
)
def test_wrong_arguments_are_explained(options, expected):
    with pytest.raises(ValueError, match=expected):
        build(**options)
