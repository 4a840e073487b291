"""The recipe's section on the input: how large images are shown, and how they are changed."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kseg._settings import Section, Side, Size, setting
from kseg.data.augment.presets import PRESETS, check_pipeline, is_file
from kseg.errors import KsegError

Factor = Annotated[float, Field(ge=0.1, le=10)]
Range = tuple[Factor, Factor]


class Input(Section):
    """What a network is shown of the images."""

    size: Size | None = setting(
        None, "Height and width of the crops, multiples of the network's stride"
    )
    max_side: Side | None = setting(None, "Images with a longer side are made smaller")
    augment: str = setting(
        "light",
        f"How images are changed at random: {', '.join(PRESETS)}; or a pipeline of your own that "
        "albumentations saved as YAML",
    )
    scale: Range | None = setting(
        None, "Range of the factor by which the presets light and driving scale images"
    )
    crop: Literal["random", "rare"] = setting(
        "random",
        "Where images are cropped: anywhere, or every other time around a class drawn by its "
        "rarity",
    )
    mix: Literal["none", "cutmix", "copy-paste"] = setting(
        "none",
        "Make one of two samples half of the time: a rectangle of another, or all pixels of a "
        "class of another, drawn by its rarity",
    )

    @field_validator("augment")
    @classmethod
    def _augmentation_is_known(cls, text: str) -> str:
        if not is_file(text):
            check_pipeline(text)
        return text

    @model_validator(mode="after")
    def _scale_rises(self) -> "Input":
        if self.scale and self.scale[0] > self.scale[1]:
            raise KsegError(f"scale must rise, such as 0.75 1.5. Received: {self.scale}.")
        return self
