"""`kseg models` as a user types it."""

import pytest
from PIL import Image

from kseg.models.architectures import ARCHITECTURES
from tests.cli.test_commands import call


def test_the_list_has_every_architecture_with_its_figures():
    lines = {line.split()[0]: line for line in call("models").splitlines() if line}
    assert set(ARCHITECTURES) <= set(lines)
    assert lines["unet"].split()[1:4] == ["31,037,698", "96.3", "204"]
    assert lines["segformer"].split()[3] == "image"
    assert lines["unetpp"].endswith("Zhou et al. 2018")


def test_flops_grow_with_the_size_and_parameters_with_the_width(tmp_path):
    def figures(*options):
        fpn = ("models", "fpn", "--encoder", "resnet34")
        output = call(*fpn, "--out", tmp_path / "fpn.png", *options)
        lines = dict(line.split(maxsplit=1) for line in output.splitlines()[-8:] if line.strip())
        return int(lines["parameters"].replace(",", "")), float(lines["FLOPs"].split()[0])

    small, large = figures("--size", "256"), figures("--size", "512")
    assert large[0] == small[0]
    assert large[1] == pytest.approx(4 * small[1], rel=0.02)
    assert figures("--width", "32")[0] < small[0] / 3


def test_one_is_described_and_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = call("models", "unetpp", "--width", "8", "--classes", "5")
    for expected in ("x0_4_conv_1", "https://arxiv.org/abs/1807.10165", "kseg.build_unetpp"):
        assert expected in output
    assert "\\n" not in output
    assert Image.open("unetpp.png").size[0] > 500


def test_an_encoder_is_put_under_it(tmp_path):
    out = tmp_path / "picture.png"
    output = call("models", "fpn", "--encoder", "mobilenetv3_small", "--out", out)
    assert "p5_lateral" in output
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["unett"], "Did you mean 'unet"),
        (["unet", "--encoder", "resnet34"], "has an encoder of its own"),
        (["fpn", "--encoder", "resnet35"], "Did you mean 'resnet"),
        (["--encoder", "resnet34"], "describe one architecture"),
        (["--size", "0"], "expected 256"),
        (["unet", "--classes", "0"], "--classes"),
    ],
)
def test_usage_errors(arguments, expected):
    assert expected in call("models", *arguments, code=2)
