"""Augmentations by name, and what each does."""

from pathlib import Path

from kseg import _checks
from kseg.errors import KsegError

PRESETS = {
    "light": "horizontal flip, random scale",
    "none": "nothing",
    "pets": (
        "scale by up to 20 %, flip, affine (scale 0.8 to 1.2, shift 10 %, rotation 30 degrees), "
        "resized crop of 0.8 to 1, brightness and contrast 0.2, grid dropout 0.3"
    ),
    "photo": (
        "rotation up to 40 degrees with a reflected border, flip, RGB shift of 25, one of blur and "
        "colour jitter"
    ),
    "sharpness": "sharpening, flip",
    "driving": "flip, random scale, brightness and contrast, hue, blur or noise, shadow",
}
"""Name: what it does before the random crop."""
COLORED = ("driving", "photo")
"""Presets that change colours, and so work on images of 3 channels alone."""

SCALED = ("light", "driving")
"""Presets of which all but the scale can as well come after the crop."""


def is_file(pipeline: str | Path) -> bool:
    """Tell whether an augmentation is a file of the user's."""
    return str(pipeline).endswith((".yaml", ".yml"))


def check_pipeline(pipeline: str | Path) -> None:
    """Refuse what is neither a preset nor a YAML file that is there.

    Raises:
        KsegError: It is not.
    """
    if not is_file(pipeline):
        _checks.one_of(str(pipeline), PRESETS, "augmentation")
    elif not Path(pipeline).is_file():
        raise KsegError(f"{pipeline} does not exist. Known presets: {', '.join(PRESETS)}.")
