"""What a prediction may be asked for: views of an image, and kinds of results."""

from collections.abc import Collection

from kseg import _checks
from kseg.errors import ArgumentError

ASKED = {"flip": 2, "turns": 4, "scales": 3, "dropout": 8}
"""How often a network is asked instead of once."""
SCALES = (0.75, 1.0, 1.25)
DROPOUT = "dropout"
DISAGREEMENT = "disagreement"
DOUBTS = ("confidence", "entropy", "margin", DISAGREEMENT)
"""How a pixel's uncertainty is measured; the last one takes several answers."""
KERAS = "keras"
KERAS_BFLOAT16 = "keras-bfloat16"
INT8 = "openvino-int8"
UNCONVERTED = (KERAS, KERAS_BFLOAT16)
"""Engines that run the network as it is, and are always there."""
COARSE = (KERAS_BFLOAT16, "openvino-bfloat16", INT8)
"""Engines that compute in fewer bits than float32 has."""
ENGINES = (*UNCONVERTED, "openvino", "openvino-bfloat16", INT8, "onnxruntime")
"""What can run a network."""
AUTO = "auto"
"""The fastest of them on this machine."""
PER_IMAGE = {
    "uncertainty": "_uncertainty.png",
    "confidence": "_confidence.png",
    "probabilities": "_probabilities.npz",
    "geojson": "_regions.geojson",
}
"""What is written beside the mask and the overlay of an image, and how its file's name ends."""
IN_ALL = {"areas": "areas.csv", "coco": "coco.json"}
"""What is written of all images together."""


def read_views(views: str | None) -> tuple[str, ...]:
    """Return the names in what a user wrote, such as "flip+scales"; none in `None`.

    Raises:
        ArgumentError: One is unknown, or named twice.
    """
    return _names(views, ASKED, "tta")


def read_kinds(kinds: str | None) -> tuple[str, ...]:
    """Return the kinds of results in what a user wrote, such as "geojson+areas"; none in `None`.

    Raises:
        ArgumentError: One is unknown, or named twice.
    """
    return _names(kinds, PER_IMAGE | IN_ALL, "write")


def _names(text: str | None, known: Collection[str], what: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("+")) if text is not None else ()
    for name in names:
        _checks.one_of(name, known, what)
    if len(set(names)) < len(names):
        raise ArgumentError(f"{what}= must hold each name once. Received: {text!r}.")
    return names


def zoom_of(names: tuple[str, ...]) -> float:
    """Return the smallest scale at which a network is shown an image."""
    return min(SCALES) if "scales" in names else 1.0
