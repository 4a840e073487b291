"""The catalogue: names to builders, widths that scale, options that must fit."""

import subprocess
import sys

import keras
import pytest

from kseg import measure
from kseg.encoders import pretrained
from kseg.models import catalog
from kseg.models.measures import shapes_only

ANY = (None, None, 3)


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_every_entry_is_complete(arch):
    entry = catalog.ARCHITECTURES[arch]
    assert entry.url.startswith("https://")
    assert 2015 <= entry.year <= 2026
    assert catalog.builder(arch).__name__ in dir(__import__("kseg"))


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_half_the_width_is_about_a_quarter_of_the_parameters(arch):
    width = catalog.ARCHITECTURES[arch].width
    with shapes_only():
        full, half = (
            measure(catalog.build(arch, ANY, 3, width=channels, heads=1)).parameters
            for channels in (width, width // 2)
        )
    assert 0.2 < half / full < 0.3


def test_no_part_of_a_narrow_network_is_narrower_than_its_classes_need():
    """The last level of these has 10 and 16 channels; a quarter of that told no 6 classes apart."""
    assert catalog.arguments("deep_unet", width=16)["filters"][:3] == (8, 16, 32)
    assert catalog.arguments("manet", width=16)["filters"] == (64, 32, 16, 8, 8)
    assert catalog.arguments("deep_unet", width=4)["filters"][:3] == (4, 4, 8)
    assert catalog.arguments("manet", width=64)["filters"] == (256, 128, 64, 32, 16)


def test_the_published_width_is_the_builders_default():
    with shapes_only():
        assert measure(catalog.build("unet", ANY, 8)).parameters == 31_038_088
        assert measure(catalog.build("unet", ANY, 8, width=64)).parameters == 31_038_088
        assert measure(catalog.build("segformer", ANY, 150)).parameters == 3_752_694


def test_heads_of_any_architecture():
    assert catalog.build("unetpp", ANY, 2, width=4).head_names == ("x0_1", "x0_2", "x0_3", "x0_4")
    assert catalog.build("unetpp", ANY, 2, width=4, heads=1).output.shape[-1] == 2
    supervised = catalog.build("unet", ANY, 2, width=4, heads=3, head_weights="half")
    assert supervised.head_names == ("decoder_3", "decoder_2", "final")
    assert supervised.head_weights == pytest.approx((1 / 7, 2 / 7, 4 / 7))


@pytest.mark.parametrize("arch", ["deeplabv3plus", "fpn", "linknet", "encoder_unetpp"])
@pytest.mark.parametrize("encoder", ["mobilenetv3_small", "mit_b0"])
def test_any_encoder_under_any_decoder(arch, encoder):
    with shapes_only():
        model = catalog.build(arch, (64, 96, 3), 4, width=16, encoder=encoder)
    assert model.output.shape == (None, 64, 96, 4)


def test_frozen_stages_are_not_trained():
    free = catalog.build("fpn", ANY, 2, width=8)
    frozen = catalog.build("fpn", ANY, 2, width=8, frozen=5)
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
        ({"arch": "fpn", "weights": "imagenet"}, "no ImageNet weights for 'resnet34'"),
        ({"arch": "fpn", "width": 0}, "width must be"),
        ({"arch": "fpn", "frozen": 2}, "frozen goes with weights"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        catalog.check(**options)


def test_options_are_checked_without_keras():
    script = (
        "import sys; from kseg.models import catalog; catalog.check('fpn', frozen=0); "
        "assert not {'keras', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_weights_of_heads_need_heads():
    with pytest.raises(ValueError, match="unet has one head"):
        catalog.build("unet", ANY, 2, width=4, head_weights="half")


def test_a_network_is_built_alike_whether_its_weights_are_loaded_or_not(monkeypatch):
    """Published weights have their own width, whatever the decoder's."""
    loaded = []
    monkeypatch.setattr(pretrained, "load", lambda name, layers: loaded.append(name))
    options = {"encoder": "resnet50", "weights": "imagenet", "width": 16}
    with shapes_only():
        shapes = [
            [weight.shape for weight in catalog.build("fpn", ANY, 2, load=load, **options).weights]
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
