"""A recipe: everything that a run needs to be made again, validated, in one YAML file."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from kseg import _checks, _files
from kseg.data.augment.presets import check_pipeline, is_file
from kseg.errors import KsegError
from kseg.losses.catalog import parse

Side = Annotated[int, Field(ge=1)]
Factor = Annotated[float, Field(ge=0.1, le=10)]
Weighting = Literal["none", "median", "enet", "inverse", "effective"]
Weight = Annotated[float, Field(ge=0)]


class Recipe(BaseModel):
    """What a run is made of. A field that is `None` is chosen for the machine and the data.

    Attributes:
        arch: Name of the architecture.
        data: "shapes", or the path of a folder.
        encoder: Name of the encoder, for an architecture that takes any.
        weights: What the encoder starts from: "none" or "imagenet".
        frozen: Leading stages of the encoder that are not trained, 0 to 5.
        heads: Number of supervised heads, the final one included; 1 for none but that.
        head_weights: Weights of the heads in the loss: "equal", "half", or one number a head.
        width: Channels of the first level; all others scale with it.
        size: `(height, width)` of the crops that are trained on.
        max_side: Images with a longer side are made smaller, in training and in prediction.
        augment: How images are changed at random: a preset, or the path of a YAML.
        scale: Range of the factor by which the presets "light" and "driving" scale images.
        crop: "random", or "rare": every other crop holds a class drawn by its rarity.
        mix: Makes one of two samples, half of the time: "none", "cutmix" or "copy-paste".
        batch_size: Images a step.
        epochs: Passes over the training images.
        learning_rate: Its peak; it rises over the first tenth and falls to 0 by a cosine.
        loss: Name of the loss, or a sum such as "ce+0.5*dice".
        class_weights: "none", "median", "enet", "inverse", "effective", or one number a class.
        precision: Number format of the computation: "float32", "bfloat16" or "float16".
        val_fraction: Part of the images that validates where the data has no `val` split.
        test_fraction: Part of the images that is kept for a test where the data is not split.
        split_by: How such parts are chosen: "random", "classes", or "group:" and a pattern.
        mask_suffix: What ends a mask's name where masks lie beside their images.
        cache: Where images are kept once read: "memory" (up to 1 GiB a split), "disk" (a temporary
            file), or "none".
        skip_broken: Whether files that cannot be read are passed over instead of an error.
        skipped: The pairs that were passed over, as "split/name".
        seed: Seed of everything random.
        level: The head to which the trained network is cut back (`prune`); `None` for none.
        versions: Versions of the packages that the run was made with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    arch: str = "unet"
    data: str = "shapes"
    encoder: str | None = None
    weights: Literal["none", "imagenet"] = "none"
    frozen: Annotated[int, Field(ge=0, le=5)] = 0
    heads: Side | None = None
    head_weights: Literal["equal", "half"] | tuple[Weight, ...] = "equal"
    width: Side | None = None
    size: tuple[Side, Side] | None = None
    max_side: Side | None = None
    augment: str = "light"
    scale: tuple[Factor, Factor] | None = None
    crop: Literal["random", "rare"] = "random"
    mix: Literal["none", "cutmix", "copy-paste"] = "none"
    batch_size: Side | None = None
    epochs: Side | None = None
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    loss: str = "ce"
    class_weights: Weighting | tuple[Weight, ...] | None = None
    precision: Literal["float32", "bfloat16", "float16"] | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    split_by: str = "random"
    mask_suffix: Annotated[str, Field(min_length=1)] = "_mask"
    cache: Literal["memory", "disk", "none"] = "memory"
    skip_broken: bool = False
    skipped: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0)] = 0
    level: Side | None = None
    versions: dict[str, str] = {}

    @model_validator(mode="after")
    def _scale_rises(self) -> "Recipe":
        if self.scale and self.scale[0] > self.scale[1]:
            raise KsegError(f"scale must rise, such as 0.75 1.5; received {self.scale}")
        return self

    @field_validator("loss")
    @classmethod
    def _loss_is_known(cls, text: str) -> str:
        parse(text)
        return text

    @field_validator("augment")
    @classmethod
    def _augmentation_is_known(cls, text: str) -> str:
        if not is_file(text):
            check_pipeline(text)
        return text

    @field_validator("split_by")
    @classmethod
    def _split_is_known(cls, text: str) -> str:
        return _checks.way_to_split(text)

    @property
    def encoder_options(self) -> dict:
        """What concerns the encoder and the width, as `catalog.build` takes it."""
        weights = None if self.weights == "none" else self.weights
        return {
            "width": self.width,
            "encoder": self.encoder,
            "weights": weights,
            "frozen": self.frozen,
        }

    def with_(self, **changes: object) -> "Recipe":
        """Return a validated copy with some fields changed."""
        return make_recipe(**(self.model_dump() | changes))


def make_recipe(**fields: object) -> Recipe:
    """Validate fields.

    Raises:
        KsegError: A field is unknown or out of its range; the message names each.
    """
    try:
        return Recipe(**fields)
    except ValidationError as error:
        raise KsegError(_explained(error)) from None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; an augmentation's file is looked for beside it first.

    Raises:
        KsegError: The file is not a recipe; the message names the file and the fields.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KsegError(f"{path} cannot be read as YAML: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise KsegError(f"{path} is not a recipe: expected lines such as 'arch: unet'.")
    try:
        recipe = make_recipe(**content)
    except ValueError as error:
        raise KsegError(f"{path}: {error}") from None
    beside = path.parent / recipe.augment
    if is_file(recipe.augment) and beside.is_file():
        return recipe.with_(augment=str(beside))
    return recipe


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe atomically."""
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, default_flow_style=None)
    _files.write_text(path, f"# Makes the same run again: kseg train --recipe {path}\n{text}")


def _explained(error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        field = fault["loc"][0] if fault["loc"] else "recipe"
        lines.append(f"{field}: {fault['msg']}. Received: {fault['input']!r}.")
    return " ".join(dict.fromkeys(lines))
