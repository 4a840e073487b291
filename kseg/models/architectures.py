"""The table of architectures; what is done with it stands in `catalog`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Architecture:
    """An entry of the catalogue.

    Attributes:
        builder: Module below `kseg.models` and name of the function.
        paper: Authors of the paper that it follows.
        year: Year of that paper.
        url: Where the paper is.
        scaled: Arguments that are channels, as published; they scale with the width.
        parts: What its blocks, skips and so on are, as the fields of `Model` name them.
        width: Channels of the first level as published; where that is a stem, of the next.
        encoder: Name of the encoder, where the architecture takes any.
        has_heads: Whether the builder makes side heads itself.
        dilates: Whether it asks its encoder for an output stride below 32.
        stride: Sizes that it takes are multiples of this; each further level doubles it.
    """

    builder: str
    paper: str
    year: int
    url: str
    scaled: Mapping[str, int | Sequence] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    width: int = 64
    encoder: str | None = None
    has_heads: bool = False
    dilates: bool = False
    stride: int = 32


FIVE_LEVELS = {"filters": (64, 128, 256, 512, 1024)}

ARCHITECTURES = {
    "attention_unet": Architecture(
        "attention_unet:build_attention_unet",
        "Oktay et al.",
        2018,
        "https://arxiv.org/abs/1804.03999",
        FIVE_LEVELS,
        stride=16,
    ),
    "convnet": Architecture(
        "convnet:build_convnet",
        "Yu, Koltun",
        2016,
        "https://arxiv.org/abs/1511.07122",
        {"filters": (64, 64, 64, 64, 64, 64, 64)},
        stride=1,
    ),
    "deep_unet": Architecture(
        "unet:build_unet",
        "Ronneberger et al.",
        2015,
        "https://arxiv.org/abs/1505.04597",
        {"filters": (10, 32, 64, 128, 256, 512, 1024)},
        width=32,
        stride=64,
    ),
    "deeplabv3plus": Architecture(
        "deeplabv3plus:build_deeplabv3plus",
        "Chen et al.",
        2018,
        "https://arxiv.org/abs/1802.02611",
        {"filters": 256, "low_filters": 48},
        encoder="efficientnet_lite0",
        dilates=True,
    ),
    "encoder_decoder": Architecture(
        "unet:build_unet",
        "Badrinarayanan et al.",
        2015,
        "https://arxiv.org/abs/1511.00561",
        FIVE_LEVELS,
        {"skip": "none"},
        stride=16,
    ),
    "encoder_unet": Architecture(
        "encoder_unet:build_encoder_unet",
        "Iglovikov, Shvets",
        2018,
        "https://arxiv.org/abs/1801.05746",
        {"filters": (96, 64, 48)},
        encoder="efficientnet_lite0",
    ),
    "encoder_unetpp": Architecture(
        "encoder_unet:build_encoder_unetpp",
        "Zhou et al.",
        2020,
        "https://arxiv.org/abs/1912.05074",
        {"filters": (256, 128, 64, 32, 16)},
        encoder="efficientnet_lite0",
    ),
    "fpn": Architecture(
        "fpn:build_fpn",
        "Kirillov et al.",
        2019,
        "https://arxiv.org/abs/1901.02446",
        {"filters": 256, "head_filters": 128},
        encoder="efficientnet_lite0",
    ),
    "linknet": Architecture(
        "linknet:build_linknet",
        "Chaurasia, Culurciello",
        2017,
        "https://arxiv.org/abs/1707.03718",
        {"filters": 32},
        encoder="efficientnet_lite0",
    ),
    "manet": Architecture(
        "manet:build_manet",
        "Fan et al.",
        2020,
        "https://doi.org/10.1109/ACCESS.2020.3025372",
        {"filters": (256, 128, 64, 32, 16), "key_filters": 64},
        encoder="efficientnet_lite0",
    ),
    "pan": Architecture(
        "pan:build_pan",
        "Li et al.",
        2018,
        "https://arxiv.org/abs/1805.10180",
        {"filters": 32},
        encoder="efficientnet_lite0",
        dilates=True,
    ),
    "pspnet": Architecture(
        "pspnet:build_pspnet",
        "Zhao et al.",
        2017,
        "https://arxiv.org/abs/1612.01105",
        {"filters": 512},
        encoder="efficientnet_lite0",
        dilates=True,
    ),
    "r2unet": Architecture(
        "r2unet:build_r2unet",
        "Alom et al.",
        2018,
        "https://arxiv.org/abs/1802.06955",
        FIVE_LEVELS,
        stride=16,
    ),
    "residual_unet": Architecture(
        "unet:build_unet",
        "Zhang et al.",
        2018,
        "https://arxiv.org/abs/1711.10684",
        FIVE_LEVELS,
        {"block": "residual"},
        stride=16,
    ),
    "resnet34_unet": Architecture(
        "resnet34_unet:build_resnet34_unet",
        "He et al.",
        2016,
        "https://arxiv.org/abs/1512.03385",
        FIVE_LEVELS,
        stride=64,
    ),
    "segformer": Architecture(
        "segformer:build_segformer",
        "Xie et al.",
        2021,
        "https://arxiv.org/abs/2105.15203",
        {"filters": 256},
        width=32,
        encoder="mit_b0",
    ),
    "u2net": Architecture(
        "u2net:build_u2net",
        "Qin et al.",
        2020,
        "https://arxiv.org/abs/2005.09007",
        {
            "filters": ((32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)),
            "decoder_filters": ((256, 512), (128, 256), (64, 128), (32, 64), (16, 64)),
        },
        has_heads=True,
    ),
    "unet": Architecture(
        "unet:build_unet",
        "Ronneberger et al.",
        2015,
        "https://arxiv.org/abs/1505.04597",
        FIVE_LEVELS,
        stride=16,
    ),
    "unet3plus": Architecture(
        "unet3plus:build_unet3plus",
        "Huang et al.",
        2020,
        "https://arxiv.org/abs/2004.08790",
        {**FIVE_LEVELS, "skip_filters": 64},
        has_heads=True,
        stride=16,
    ),
    "unetpp": Architecture(
        "unetpp:build_unetpp",
        "Zhou et al.",
        2018,
        "https://arxiv.org/abs/1807.10165",
        FIVE_LEVELS,
        has_heads=True,
        stride=16,
    ),
}
