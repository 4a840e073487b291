"""The grammar of layers' names, held against every architecture."""

import re
from pathlib import Path

import keras
import pytest

import kseg.models
from kseg.encoders import make_encoder
from kseg.models import catalog, names
from kseg.models.architectures import ARCHITECTURES
from kseg.models.measures import shapes_only
from kseg.models.settings import Model
from kseg.models.supervision import supervise

LEVELS = {
    "attention_unet": 4,
    "deep_unet": 6,
    "encoder_decoder": 4,
    "linknet": 5,
    "manet": 5,
    "r2unet": 4,
    "residual_unet": 4,
    "resnet34_unet": 6,
    "u2net": 5,
    "unet": 4,
    "unet3plus": 4,
}
# The parts of decoders, the coarsest first; those of others are numbered, and end at decoder_1.
DECODERS = {
    **{arch: [f"decoder_{level}" for level in range(n, 0, -1)] for arch, n in LEVELS.items()},
    "convnet": [],
    "encoder_unet": ["decoder_5", "decoder_4", "decoder_3"],
    "deeplabv3plus": [],
    "encoder_unetpp": ["x1_1", "x1_2", "x1_3", "x1_4", "x0_5"],
    "fpn": ["p5", "p4", "p3", "p2"],
    "pan": ["decoder_5", "decoder_4", "decoder_3"],
    "pspnet": [],
    "segformer": [],
    "unetpp": ["x0_1", "x0_2", "x0_3", "x0_4"],
}
HEADS = {
    "u2net": [*(f"side_{level}" for level in (6, 5, 4, 3, 2, 1)), "fused"],
    "unet3plus": [f"decoder_{level}" for level in (5, 4, 3, 2, 1)],
    "unetpp": ["x0_1", "x0_2", "x0_3", "x0_4"],
}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_layer_belongs_to_a_known_part(arch):
    with shapes_only():
        model = catalog.build(Model(arch=arch, width=8), (33, 47, 1), 3)
    assert not [one.name for one in model.layers if names.known_part(one.name) is None]


@pytest.mark.parametrize("arch", [arch for arch, entry in ARCHITECTURES.items() if entry.encoder])
@pytest.mark.parametrize("encoder", ["efficientnet_lite0", "resnet18", "mit_b0", "mobilenetv2"])
def test_the_layers_of_an_encoder_are_told_from_the_decoders(arch, encoder):
    """Those with weights that are the encoder's when it is built alone."""
    with shapes_only():
        image = keras.Input((None, None, 3))
        features = [one for one in make_encoder(encoder)(image) if one is not None]
        alone = keras.Model(image, features)
        whole = catalog.build(Model(arch=arch, encoder=encoder, weights="none"), (None, None, 3), 3)
    expected = {layer.name for layer in alone.layers if layer.weights}
    found = [layer.name for layer in whole.layers if layer.weights and names.in_encoder(layer.name)]
    assert set(found) == expected & {layer.name for layer in whole.layers}
    assert len(found) < len([layer for layer in whole.layers if layer.weights])


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_decoders_parts_are_found_in_their_order(arch):
    with shapes_only():
        model = catalog.build(Model(arch=arch, width=8, heads=1), (None, None, 3), 3)
    found = names.heads_of({names.decoder_part(layer.name) for layer in model.layers} - {None})
    numbered = [f"decoder_{level}" for level in range(len(found), 0, -1)]
    assert found == DECODERS.get(arch, numbered)
    assert len(found) > 1 or arch in DECODERS, "name its decoder's parts in DECODERS, [] for none"


@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if DECODERS.get(arch) != []])
def test_heads_have_names_of_heads(arch):
    with shapes_only():
        model = catalog.build(Model(arch=arch, width=8), (None, None, 3), 3)
        if not ARCHITECTURES[arch].has_heads:
            model = supervise(model)
    if arch in HEADS:
        assert list(model.head_names) == HEADS[arch]
    else:
        assert model.head_names[-1] == "final"
    assert all(map(names.is_head, model.head_names))
    for head in model.head_names[:-1]:
        assert names.number(head) is not None


@pytest.mark.parametrize("name", ["loss", "x0", "decoder", "decoder_1_conv", "val_x0_1"])
def test_other_columns_of_a_history_are_no_heads(name):
    assert not names.is_head(name)


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        ("pixels_to_unit", "image"),
        ("encoder_rgb", "image"),
        ("encoder_2_conv_1", "encoder_2"),
        ("bottleneck_1_0_act", "bottleneck"),
        ("x0_3_up_mean_1", "x0_3"),
        ("x0_3_logits", "x0_3"),
        ("decoder_up_1", "decoder"),
        ("scale_4_up_1", "scale_4"),
        ("scales", "scales"),
        ("head_conv", "head"),
        ("logits_float32", "logits"),
        ("crop_to_image", "logits"),
        ("block_7_expand", "block_7"),
        ("Conv1_pad", "Conv1"),
    ],
)
def test_parts_of_layers(layer, part):
    assert names.part(layer) == part


def test_no_other_file_reads_names_by_patterns():
    folder = Path(kseg.models.__file__).parent
    reading = re.compile(r"^import re$|\.(startswith|endswith|removesuffix|removeprefix)\(", re.M)
    found = [path.name for path in folder.glob("*.py") if reading.search(path.read_text())]
    assert found == ["names.py"]
