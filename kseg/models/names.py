"""The names of layers, and which part of a network's figure they mean.

A builder names a layer by its part and what it does there: "decoder_2_conv_1", "x0_3_up",
"p4_lateral". This file is the one place that reads such names.
"""

import re
from collections.abc import Iterable

TO_UNIT = "pixels_to_unit"
PAD = "pad_to_stride"
CROP = "crop_to_image"
LOGITS = "logits"
LOGITS_FLOAT32 = "logits_float32"
PROBABILITIES = "probabilities"

_NODE = r"x\d+_\d+"
_NUMBERED = ("branch", "decoder", "encoder", "layer", "scale", "side", "stage")
_SINGLE = (
    "aspp",
    "bottleneck",
    "center",
    "decoder",
    "fused",
    "fusion",
    "head",
    "merge",
    "pyramid",
    "scales",
    "sides",
    "stem",
)
_ENDS = {
    "image": ("image", "pixels", TO_UNIT, PAD, "encoder_pixels", "encoder_rgb"),
    LOGITS: (LOGITS, PROBABILITIES, CROP),
}
_PART = re.compile(
    rf"({_NODE}|p\d+|(?:{'|'.join(_NUMBERED)})_\d+|{'|'.join((*_SINGLE, LOGITS))})(?=_|$)"
)
_OTHER = re.compile(r"[a-zA-Z]+\d*(_\d+(?=_|$))?")
_DECODER = re.compile(r"(decoder_\d+|p\d+|x\d+_[1-9]\d*)(?=_|$)")
_HEAD = re.compile(rf"{_NODE}|(decoder_|side_|p)\d+|fused|final")
_GATE = "_gate_map"


def part(layer: str) -> str:
    """Name the part of a network's figure that a layer belongs to.

    Layers of Keras's own encoders, which have no such names, go by their first word and number.
    """
    known = known_part(layer)
    if known is None:
        other = _OTHER.match(layer)
        return other[0] if other else layer
    return known


def known_part(layer: str) -> str | None:
    """Name the part of the figure, such as "encoder_1"; `None` where kseg gives no such names."""
    for end, layers in _ENDS.items():
        if layer in layers:
            return end
    found = _PART.match(layer)
    return found[1] if found else None


def in_encoder(layer: str) -> bool:
    """Tell whether a layer belongs to an encoder that was taken by its name.

    kseg's own encoders consist of a stem and stages; those of Keras have names of Keras.
    """
    known = known_part(layer)
    return known is None or known == "stem" or known.startswith("stage_")


def decoder_part(layer: str) -> str | None:
    """Name the numbered part of the decoder that a layer belongs to; `None` for any other layer."""
    found = _DECODER.match(layer)
    return found[1] if found else None


def heads_of(parts: Iterable[str]) -> list[str]:
    """Return the parts of a decoder that can answer, from the coarsest to the finest.

    Of nested decoders, whose nodes are x{row}_{column}, these are the nodes of the upper rows.
    """
    parts = set(parts)
    rows = [0] if "x0_1" in parts else [0, 1] if "x1_1" in parts else None
    if rows is not None:
        parts = {name for name in parts if _is_node(name) and int(name[1]) in rows}
    return sorted(parts, key=_fineness)


def is_head(name: str) -> bool:
    """Tell whether a name is that of a head, such as "x0_2", "decoder_3", "fused" or "final"."""
    return _HEAD.fullmatch(name) is not None


def number(name: str) -> int | None:
    """Return the number that a part or head ends with: 2 for "x0_2", 3 for "decoder_3"."""
    found = re.search(r"\d+$", name)
    return int(found[0]) if found else None


def gate(layer: str) -> str | None:
    """Name the attention gate whose map a layer gives; `None` for any other layer."""
    return layer.removesuffix("_map") if layer.endswith(_GATE) else None


def gives_probabilities(layer: str) -> bool:
    """Tell whether a head's last layer gives probabilities; the other kind gives logits."""
    return layer == PROBABILITIES or layer.endswith(f"_{PROBABILITIES}")


def is_logits(layer: str) -> bool:
    """Tell whether a layer is the one of a head that gives a value per class."""
    return layer == LOGITS or layer.endswith(f"_{LOGITS}")


def in_head(layer: str, head: str | None) -> str:
    """Name a layer of a head; the final head has no name."""
    return layer if head is None else f"{head}_{layer}"


def _fineness(name: str) -> int:
    """Return what rises from the coarsest part to the finest: columns rise, levels fall."""
    own = number(name) or 0
    return own if _is_node(name) else -own


def _is_node(name: str) -> bool:
    return re.fullmatch(_NODE, name) is not None
