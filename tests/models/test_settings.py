"""The section Model: texts of a recipe to networks, counted by their parameters."""

import keras
import pytest

from kseg import measure
from kseg._settings import validated
from kseg.models import catalog
from kseg.models.measures import shapes_only
from kseg.models.settings import OWN, PARTS, Model

ANY = (None, None, 3)
SIX = (30, 90, 270, 810, 2430, 2430)


def network(fields: dict | str, classes: int = 8, channels: int = 3) -> keras.Model:
    fields = {"arch": "unet", **fields} if isinstance(fields, dict) else fields
    with shapes_only():
        return catalog.build(validated(Model, fields), (None, None, channels), classes)


def parameters(fields: dict | str, classes: int = 8, channels: int = 3) -> int:
    return measure(network(fields, classes, channels)).parameters


@pytest.mark.parametrize(
    ("fields", "classes", "count"),
    [
        # milesial/Pytorch-UNet, bilinear=False, and with bilinear=True the fourth.
        ("unet", 8, 31_038_088),
        ({"output": "sigmoid"}, 2, 31_037_633),
        ({"output": "sigmoid"}, 1, 31_037_633),
        (
            {
                "filters": "64, 128, 256, 512, 512",
                "decoder_filters": "[[512, 256], [256, 128], [128, 64], 64]",
                "up": "upsample",
            },
            8,
            17_263_432,
        ),
        ({"up": "upsample"}, 8, 31_385_288),
        (
            {
                "block": "double_convolution(dropout=(0.2, 0.5), activation=leaky_relu, "
                "use_bias=true)",
                "down": "strided_convolution",
                "up": "upsample(interpolation=nearest, kernel_size=1)",
                "head": "convolution(filters=3, normalization=none)",
            },
            34,
            32_090_763,
        ),
        # ResNet-34 with projections in every stage, a residual bottleneck of 1024.
        ({"arch": "resnet34_unet", "output": "sigmoid"}, 2, 48_198_721),
    ],
)
def test_parameters_equal_the_published_counts(fields, classes, count):
    assert parameters(fields, classes) == count


def test_dilation_changes_every_convolution_of_a_block_and_no_parameter():
    model = network({"block": "double_convolution(dilation=2)"})
    rates = {
        layer.dilation_rate
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (3, 3)
    }
    assert rates == {(2, 2)}
    assert measure(model).parameters == 31_038_088


def test_a_plain_stack_by_hand():
    fields = {
        "arch": "convnet",
        "filters": "30, 90, 270, 810",
        "block": "convolution(normalization=none)",
        "options": {"kernel_size": 3},
    }
    chain = (3, 30, 90, 270, 810, 10)
    expected = sum(9 * a * b + b for a, b in zip(chain, chain[1:], strict=False))
    assert expected == 2_286_220
    assert parameters(fields, 10) == expected


def stack(channels: int, width: int) -> int:
    """Two 3x3 convolutions without bias, each with the two parameters of its normalisation."""
    return 9 * channels * width + 9 * width * width + 4 * width


@pytest.mark.parametrize("channels", [1, 4, 8])
@pytest.mark.parametrize("up", ["upsample", "transposed_convolution"])
def test_six_levels_without_skips_by_hand(channels, up):
    expected, before = 0, channels
    for width in SIX:
        expected += stack(before, width)
        before = width
    for width in SIX[-2::-1]:
        if up == "transposed_convolution":
            expected += 4 * before * width + width
            before = width
        expected += stack(before, width)
        before = width
    expected += SIX[0] * 5 + 5
    fields = {"filters": ",".join(map(str, SIX)), "skip": "none", "up": up}
    assert parameters(fields, 5, channels) == expected


def test_texts_are_read_as_lists():
    model = validated(Model, {"filters": "16, 32,64", "head_weights": "1,2", "heads": "2"})
    assert model.filters == (16, 32, 64)
    assert model.head_weights == (1.0, 2.0)
    assert model.heads == 2
    assert validated(Model, {"filters": "[[64,64],[128,128]]"}).filters == ((64, 64), (128, 128))
    assert validated(Model, "unetpp") == Model(arch="unetpp")
    assert validated(Model, model.model_dump(mode="json")) == model


def test_heads_of_a_section():
    assert network({"arch": "unetpp", "heads": 2}).head_names == ("x0_3", "x0_4")
    supervised = network({"heads": 3, "head_weights": "1, 1, 2"})
    assert supervised.head_weights == (0.25, 0.25, 0.5)


def test_no_part_is_named_like_the_architectures_own():
    for table, _ in PARTS.values():
        assert not {OWN, "none"} & set(table)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("unett", "Did you mean 'unet"),
        ({"encoder": "resnet35"}, "Did you mean 'resnet"),
        ({"block": "residuals"}, "block: Unknown block 'residuals'. Did you mean 'residual'"),
        ({"block": "none"}, "Unknown block 'none'"),
        ({"down": "pooling"}, "Did you mean 'max_pooling'"),
        ({"up": "upsampling"}, "Did you mean 'upsample'"),
        ({"skip": "concat"}, "Did you mean 'concatenate'"),
        ({"head": "convolution("}, "head: A head is a name, with options in parentheses"),
        ({"width": 0}, "width: expected own, or a whole number of at least 1"),
        ({"filters": "16, 0"}, "^filters: expected own, or whole numbers .* Received: '16, 0'.$"),
        ({"heads": 0}, "^heads: expected own, or a whole number of at least 1. Received: 0.$"),
        ({"head_weights": "thirds"}, "^head_weights: expected equal, half, or one number .*s'.$"),
        ({"frozen": 6}, "frozen: "),
        ({"output": "tanh"}, "output: "),
        ({"blocks": "residual"}, "Did you mean 'block'"),
    ],
)
def test_a_wrong_field_is_named(fields, expected):
    with pytest.raises(ValueError, match=expected):
        validated(Model, fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"arch": "deeplabv3plus", "block": "residual"},
            "deeplabv3plus takes no block=. Of its parts it takes filters=.",
        ),
        ({"arch": "fpn", "decoder_filters": "8"}, "fpn takes no decoder_filters="),
        ({"options": {"dilations": [1]}}, "Unknown argument of unet 'dilations'"),
        ({"arch": "convnet", "options": {"dilation": [1]}}, "Did you mean 'dilations'"),
        ({"options": {"filters": [1, 2]}}, "Unknown argument of unet 'filters'"),
        ({"block": "double_convolution(dilatoin=2)"}, "Did you mean 'dilation'"),
        ({"head": "convolution"}, "The head convolution needs filters"),
        ({"output": "sigmoid"}, "Received: 3 classes"),
        ({"filters": "16"}, "filters must be a sequence"),
    ],
)
def test_what_an_architecture_does_not_take_is_refused(fields, expected):
    with pytest.raises(ValueError, match=expected):
        network(fields, 3)
