"""The recipe's section on the data: what is learned from, and how it is read and divided."""

import os
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from kseg import _checks
from kseg._settings import Section, setting


def _spelled(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


class Data(Section):
    """What a run learns from."""

    shorthand: ClassVar[str] = "path"

    path: Annotated[str, BeforeValidator(_spelled)] = setting(
        "shapes",
        "Folder with train/ (and val/, test/), each with images/ and masks/; a folder that is to "
        "be split; a list of pairs (.csv, .txt); oxford_iiit_pet or tfds:NAME of TensorFlow "
        "Datasets; or the built-in data set shapes",
        word="data",
    )
    image_key: str = setting("image", "Feature of TFDS that holds the images")
    mask_key: str = setting("segmentation_mask", "Feature of TFDS that holds the masks")
    channels: Annotated[int, Field(ge=1, le=8)] = setting(
        3,
        "Channels of the images: 1 for grey, 3 for RGB, 4 for RGBA or RGB with infrared; up to 8 "
        "from TIFF",
    )
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = setting(
        0.15, "Part of the images that validates where the data has no val split"
    )
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = setting(
        0.0, "Part of the images kept for a test where the data is not split"
    )
    split_by: str = setting(
        "random",
        "How these parts are chosen: random; classes, so that each is found in every part; or "
        "group:PATTERN, a regular expression that finds in a name what must stay together, such as "
        "the video of a frame",
    )
    folds: Annotated[int, Field(ge=2, le=1_000)] | None = setting(
        None,
        "Train so many times, each time on all images of train and val but another part of them, "
        "which validates, and score the mean and the spread; by classes where nothing else is said",
    )
    fold: Annotated[int, Field(ge=1, le=1_000)] | None = setting(
        None, "Train this one of the folds alone, from 1"
    )
    mask_suffix: Annotated[str, Field(min_length=1)] = setting(
        "_mask", "What ends a mask's name where masks lie beside their images"
    )
    cache: Literal["memory", "disk", "none"] = setting(
        "memory",
        "Where images are kept once read: in memory, up to 1 GiB each for training and validation; "
        "in a temporary file, up to a quarter of the free disk; or nowhere",
    )
    skip_broken: bool = setting(
        False, "Go on without files that cannot be read, and list them in the run"
    )
    skipped: tuple[str, ...] = setting(
        (), "The pairs that were passed over, as split/name", is_option=False
    )

    @field_validator("split_by")
    @classmethod
    def _split_is_known(cls, text: str) -> str:
        return _checks.way_to_split(text)
