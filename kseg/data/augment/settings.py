"""The recipe's section on the input: how large images are shown, and how they are changed."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kseg._settings import Section, Side, Size, setting
from kseg.data.augment.presets import PRESETS, check_pipeline, is_file
from kseg.errors import KsegError

Factor = Annotated[float, Field(ge=0.1, le=10)]
Range = tuple[Factor, Factor]
Resize = Literal["aspect", "squash", "none"]
ResizeBack = Literal["bilinear", "nearest"]
Level = Annotated[float, Field(ge=0, le=255)]
Deviation = Annotated[float, Field(gt=0, le=255)]
Normalize = (
    Literal["symmetric", "unit", "imagenet"] | tuple[tuple[Level, ...], tuple[Deviation, ...]]
)


class Input(Section):
    """What a network is shown of the images."""

    size: Size | None = setting(
        None, "Height and width of the crops, multiples of the network's stride"
    )
    max_side: Side | None = setting(None, "Images with a longer side are made smaller")
    resize: Resize = setting(
        "aspect",
        "How images come to the size that the network is shown: made smaller with their aspect "
        "(aspect), both sides made as long as the longest may be (squash), or not at all (none)",
    )
    resize_back: ResizeBack = setting(
        "bilinear", "How what the network says comes back to the size of an image"
    )
    normalize: Normalize = setting(
        "symmetric",
        "What the network's first layer makes of pixels: values in -1 to 1 (symmetric), in 0 to 1 "
        "(unit), of the mean and deviation of ImageNet's channels (imagenet), or of the means and "
        "deviations that are given",
        is_option=False,
    )
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

    @field_validator("normalize")
    @classmethod
    def _deviations_are_as_many(cls, value: Normalize) -> Normalize:
        if isinstance(value, tuple) and len(value[0]) != len(value[1]):
            raise KsegError(
                "normalize takes as many means as deviations, one of each per channel, such as "
                f"[[110, 112, 105], [77, 78, 76]]. Received {len(value[0])} and {len(value[1])}."
            )
        return value

    @model_validator(mode="after")
    def _scale_rises(self) -> "Input":
        if self.scale and self.scale[0] > self.scale[1]:
            raise KsegError(f"scale must rise, such as 0.75 1.5. Received: {self.scale}.")
        return self
