"""The catalogue: names to builders, widths that scale, options that must fit."""

import subprocess
import sys

import keras
import pytest

from kseg import measure
from kseg._settings import validated
from kseg.encoders import pretrained
from kseg.models import catalog
from kseg.models.measures import shapes_only
from kseg.models.settings import Model

ANY = (None, None, 3)


def build(arch: str, shape: tuple = ANY, classes: int = 2, **fields) -> keras.Model:
    return catalog.build(Model(arch=arch, **fields), shape, classes)


def arguments(arch: str, **fields) -> dict:
    return catalog.arguments(Model(arch=arch, **fields))


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_every_entry_is_complete(arch):
    entry = catalog.ARCHITECTURES[arch]
    assert entry.url.startswith("https://")
    assert 2015 <= entry.year <= 2026
    assert catalog.builder(arch).__name__ in dir(__import__("kseg"))


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_half_the_width_is_about_a_quarter_of_the_parameters(arch):
    entry = catalog.ARCHITECTURES[arch]
    # The default encoder has one width only.
    encoder = {"encoder": "resnet34"} if entry.encoder == "efficientnet_lite0" else {}
    with shapes_only():
        full, half = (
            measure(build(arch, ANY, 3, width=channels, heads=1, **encoder)).parameters
            for channels in (entry.width, entry.width // 2)
        )
    assert 0.2 < half / full < 0.3


def test_no_part_of_a_narrow_network_is_narrower_than_its_classes_need():
    """The last level of these has 10 and 16 channels; a quarter of that told no 6 classes apart."""
    assert arguments("deep_unet", width=16)["filters"][:3] == (8, 16, 32)
    assert arguments("manet", width=16)["filters"] == (64, 32, 16, 8, 8)
    assert arguments("deep_unet", width=4)["filters"][:3] == (4, 4, 8)
    assert arguments("manet", width=64)["filters"] == (256, 128, 64, 32, 16)


def test_the_published_width_is_the_builders_default():
    with shapes_only():
        assert measure(build("unet", ANY, 8)).parameters == 31_038_088
        assert measure(build("unet", ANY, 8, width=64)).parameters == 31_038_088
        assert measure(build("segformer", ANY, 150)).parameters == 3_752_694


def test_heads_of_any_architecture():
    assert build("unetpp", ANY, 2, width=4).head_names == ("x0_1", "x0_2", "x0_3", "x0_4")
    assert build("unetpp", ANY, 2, width=4, heads=1).output.shape[-1] == 2
    supervised = build("unet", ANY, 2, width=4, heads=3, head_weights="half")
    assert supervised.head_names == ("decoder_3", "decoder_2", "final")
    assert supervised.head_weights == pytest.approx((1 / 7, 2 / 7, 4 / 7))


@pytest.mark.parametrize("arch", ["deeplabv3plus", "fpn", "linknet", "encoder_unetpp"])
@pytest.mark.parametrize("encoder", ["mobilenetv3_small", "mit_b0"])
def test_any_encoder_under_any_decoder(arch, encoder):
    with shapes_only():
        model = build(arch, (64, 96, 3), 4, width=16, encoder=encoder)
    assert model.output.shape == (None, 64, 96, 4)


def test_frozen_stages_are_not_trained():
    fields = {"arch": "fpn", "encoder": "resnet50", "weights": "imagenet"}
    with shapes_only():
        free, frozen = (
            catalog.build(Model(**fields, frozen=stages), ANY, 2, load=False) for stages in (0, 5)
        )
    trained = [weight.path for weight in frozen.trainable_weights]
    assert trained
    assert not [path for path in trained if "stage_" in path or "stem" in path]
    assert len(free.trainable_weights) > len(trained)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"arch": "unett"}, "Did you mean 'unet"),
        ({"arch": "unet", "encoder": "resnet34"}, "has an encoder of its own"),
        ({"arch": "unet", "frozen": 2}, "has an encoder of its own"),
        ({"arch": "fpn", "encoder": "resnet35"}, "Did you mean 'resnet"),
        ({"arch": "fpn", "encoder": "resnet34", "weights": "imagenet"}, "no ImageNet weights for"),
        ({"arch": "fpn", "width": 0}, "width: expected own, or a whole number"),
        ({"arch": "fpn", "weights": "none", "frozen": 2}, "frozen goes with weights"),
        ({"arch": "auto"}, "chosen when a network is trained. Name one of: attention_unet"),
        ({"arch": "unet", "filters": "8,16", "width": 8}, "width=8 and filters=.*Leave one"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        catalog.check(validated(Model, options))


def test_options_are_checked_without_keras():
    script = (
        "import sys; from kseg.models import catalog; from kseg.models.settings import Model; "
        "catalog.check(Model(arch='fpn', block='residual')); "
        "assert not {'keras', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_weights_of_heads_need_heads():
    with pytest.raises(ValueError, match="unet has one head"):
        build("unet", ANY, 2, width=4, head_weights="half")


def test_a_network_is_built_alike_whether_its_weights_are_loaded_or_not(monkeypatch):
    """Published weights have their own width, whatever the decoder's."""
    loaded = []
    monkeypatch.setattr(pretrained, "load", lambda name, layers: loaded.append(name))
    model = Model(arch="fpn", encoder="resnet50", weights="imagenet", width=16)
    with shapes_only():
        shapes = [
            [weight.shape for weight in catalog.build(model, ANY, 2, load=load).weights]
            for load in (True, False)
        ]
    assert loaded == ["resnet50"]
    assert shapes[0] == shapes[1]


def test_measuring_keeps_the_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    with shapes_only():
        pass
    name = keras.config.dtype_policy().name
    keras.config.set_dtype_policy(before)
    assert name == "mixed_bfloat16"


def test_sizes_must_be_multiples_of_the_stride():
    catalog.check_size("unet", (48, 64))
    catalog.check_size("convnet", (33, 47))
    with pytest.raises(ValueError, match="multiples of 64, the stride of deep_unet.*128x64"):
        catalog.check_size("deep_unet", (100, 48))


def test_more_levels_have_a_larger_stride():
    seven = Model(arch="unet", filters=(8,) * 7)
    assert catalog.stride(seven) == 64
    assert catalog.stride(Model(arch="unet", filters=(8,) * 3)) == 32
    with pytest.raises(ValueError, match="multiples of 64, the stride of unet.*64x64"):
        catalog.check_size(seven, (48, 64))
    catalog.check_size(Model(arch="unet", filters=(8, 16)), (2, 4))
    catalog.check_size(Model(arch="convnet", filters=(8,) * 9), (33, 47))
