"""Augmentation by albumentations, which stands behind this file alone.

A preset, or a pipeline of the user's own in albumentations' YAML, is followed by what all share: a
random crop of one size. Masks are interpolated by nearest neighbours and padded with void.

"light" and "driving" scale and crop in one: of an image only the part that is shown is scaled, and
what comes after changes no more than that.
"""

import os
import random
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kseg import _files
from kseg.data.augment.crops import GREY, crop_with, scaled_crop
from kseg.data.augment.presets import COLORED, SCALED, check_pipeline, is_file
from kseg.errors import KsegError

# albumentations looks up the network when it is imported, unless this is set first.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

Augmentation = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
Size = tuple[int, int]
NEAREST, EXACT = 0, 6  # cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT
RESIZING = (
    "CropAndPad", "LongestMaxSize", "RandomResizedCrop", "RandomScale", "RandomSizedCrop",
    "Resize", "SmallestMaxSize",
)  # fmt: skip
"""Transforms whose masks would come out up to half a pixel beside their images: OpenCV's plain
nearest neighbour takes the pixel's corner for its centre."""


@dataclass(frozen=True)
class Pipeline:
    """A preset, or a pipeline of the user's that was read.

    Attributes:
        name: Name of the preset, or path of the file.
        content: What the file holds; `None` for a preset.
    """

    name: str
    content: dict | None = None

    def transforms(self, size: Size, scale: tuple[float, float]) -> list:
        """Make the transforms."""
        if self.content is None:
            return _preset(self.name, size, scale)
        return [_opened(self.content)]


def read_pipeline(pipeline: str | Path) -> Pipeline:
    """Read a pipeline of the user's, once, or take a preset by its name.

    Raises:
        KsegError: There is no such preset or file; the file holds no pipeline, or one that
            interpolates masks.
    """
    check_pipeline(pipeline)
    if not is_file(pipeline):
        return Pipeline(str(pipeline))
    import albumentations as A
    import yaml

    try:
        content = yaml.safe_load(Path(pipeline).read_text(encoding="utf-8"))
        transforms = list(_all_of(A.Compose([_opened(content)])))
    except OSError as error:
        raise KsegError(f"{pipeline} cannot be read: {error.strerror}.") from None
    except Exception as error:
        raise KsegError(
            f"{pipeline} is no pipeline of albumentations: {_first_line(error)}. Expected what "
            "albumentations.save(pipeline, path, data_format='yaml') writes."
        ) from error
    for transform in transforms:
        smooth = getattr(transform, "mask_interpolation", None) not in (None, NEAREST, EXACT)
        if smooth or getattr(transform, "area_for_downscale", None) == "image_mask":
            raise KsegError(
                f"{pipeline}: {type(transform).__name__} interpolates masks, which makes classes "
                "of no meaning between others. Set mask_interpolation: 0, and area_for_downscale "
                "to image or null."
            )
    return Pipeline(str(pipeline), content)


def augmentation(
    pipeline: str | Path | Pipeline,
    size: Size,
    ignore: int,
    scale: tuple[float, float] = (0.75, 1.5),
    rare: Sequence[float] | None = None,
    channels: int = 3,
) -> Augmentation:
    """Make images of one size, changed at random, of images of any size.

    Args:
        pipeline: One of `presets.PRESETS`, which says what each does; the path of a YAML that
            albumentations' `save` wrote; or what `read_pipeline` returns.
        size: `(height, width)` of the result; a smaller image is padded, its mask with void.
        ignore: The index of void pixels.
        scale: The range of the factor by which "light" and "driving" scale an image.
        rare: A weight per class: half of the crops hold a pixel of a class drawn by it from those
            that the image holds. `None` for crops anywhere.
        channels: Channels of the images; what changes colours works on 3 alone.

    Returns:
        A function of `(image, mask, seed)` to image and mask of `size`, uint8. The same seed gives
        the same result; it can be called from several threads.

    Raises:
        KsegError: There is no such preset; the file holds no pipeline, or one that interpolates
            masks, that does not work on images of so many channels, or returns anything but uint8
            images; or `scale` is not a range.

    Example:
        >>> augment = kseg.data.augmentation("light", size=(32, 32), ignore=255)
        >>> image, mask = np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60), np.uint8)
        >>> image, mask = augment(image, mask, seed=0)
        >>> image.shape, mask.shape
        ((32, 32, 3), (32, 32))
    """
    low, high = scale
    if not 0 < low <= high:
        raise KsegError(f"scale must rise from above 0, such as (0.75, 1.5). Received: {scale}.")
    if not isinstance(pipeline, Pipeline):
        pipeline = read_pipeline(pipeline)
    _check_colors(pipeline, channels)
    import albumentations as A
    import cv2

    # Images are made in several threads already; OpenCV's own would only get in their way.
    cv2.setNumThreads(0)
    is_scaled = pipeline.name in SCALED

    def make() -> A.Compose:
        chosen = pipeline.transforms(size, scale)
        if is_scaled:
            chosen = [step for step in chosen if not isinstance(step, A.RandomScale)]
            return _for_masks(A.Compose(chosen), ignore)
        if rare is not None:  # the crop is to choose from the whole image
            chosen = [step for step in chosen if not isinstance(step, A.RandomResizedCrop)]
        # A side of a few pixels would vanish when it is scaled.
        least, most = (
            A.PadIfNeeded(*sides, fill=GREY, border_mode=0) for sides in ((16, 16), size)
        )
        return _for_masks(A.Compose([least, *chosen, most]), ignore)

    if pipeline.content is not None or channels != 3:
        _try(make, pipeline.name, channels)
    changed = _seeded(make, pipeline.name, channels)

    def augment(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        wanted = rare if rare is not None and rng.uniform() < 0.5 else ()
        if is_scaled:
            return changed(*scaled_crop(image, mask, size, scale, ignore, wanted, rng), rng)
        image, mask = changed(image, mask, rng)
        return crop_with(image, mask, size, wanted, rng)

    return augment


def write_pipeline(path: Path, pipeline: Pipeline, size: Size, scale: tuple[float, float]) -> None:
    """Write a pipeline as albumentations' YAML, without the last crop."""
    import albumentations as A
    import yaml

    content = pipeline.content
    if content is None:
        content = _plain(A.to_dict(A.Compose(pipeline.transforms(size, scale))))
    _files.write_text(path, yaml.safe_dump(content, sort_keys=False))


def _check_colors(pipeline: Pipeline, channels: int) -> None:
    """Refuse a preset that changes colours where there are none."""
    if channels != 3 and pipeline.name in COLORED:
        raise KsegError(
            f"The augmentation {pipeline.name} changes colours, which takes images of 3 channels. "
            f"Received: channels={channels}. Choose another by augment=, such as light."
        )


def _opened(content: dict) -> Any:
    """Make a pipeline of what its YAML holds."""
    import albumentations as A

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return A.from_dict(content)


def _preset(name: str, size: Size, scale: tuple[float, float]) -> list:
    """Return the transforms of a preset."""
    import albumentations as A

    low, high = scale
    scaled = A.RandomScale((low - 1, high - 1), p=1)
    reflected = 4  # cv2.BORDER_REFLECT_101
    presets = {
        "none": list,
        "light": lambda: [A.HorizontalFlip(), scaled],
        "pets": lambda: [
            A.RandomScale((-0.2, 0.2), p=1),
            A.HorizontalFlip(),
            A.Affine(
                scale=(0.8, 1.2),
                translate_percent=(-0.1, 0.1),
                rotate=(-30, 30),
                fill=GREY,
                p=0.5,
            ),
            A.RandomResizedCrop(size, scale=(0.8, 1.0)),
            A.RandomBrightnessContrast(0.2, 0.2),
            A.GridDropout(0.3, fill=GREY, p=0.5),
        ],
        "photo": lambda: [
            A.Rotate(40, border_mode=reflected, p=0.9),
            A.HorizontalFlip(),
            A.RGBShift(25, 25, 25, p=0.9),
            A.OneOf([A.Blur(3), A.ColorJitter(hue=(-0.1, 0.1))], p=1),
        ],
        "sharpness": lambda: [A.Sharpen(), A.HorizontalFlip()],
        "driving": lambda: [
            A.HorizontalFlip(),
            scaled,
            A.RandomBrightnessContrast(0.3, 0.2),
            A.HueSaturationValue(8, 20, 0),
            A.OneOf([A.MotionBlur((3, 5)), A.GaussNoise((0.02, 0.06))], p=0.3),
            A.RandomShadow(p=0.2),
        ],
    }
    return presets[name]()


def _all_of(pipeline: Any) -> Iterator[Any]:
    """Yield all transforms of a pipeline, those inside others too."""
    for transform in getattr(pipeline, "transforms", ()):
        yield transform
        yield from _all_of(transform)


def _for_masks(whole: Any, ignore: int) -> Any:
    """Have a pipeline pad masks with void and resize them without moving them; return it."""
    for transform in _all_of(whole):
        if type(transform).__name__ in RESIZING:
            transform.mask_interpolation = EXACT
        for attribute in ("fill_mask", "mask_drop_value"):
            if getattr(transform, attribute, None) is not None:
                setattr(transform, attribute, ignore)
    return whole


def _try(make: Callable, name: str, channels: int) -> None:
    """Prove that a pipeline returns pixels when every one of its transforms acts.

    Raises:
        KsegError: It does not.
    """
    import albumentations as A

    def make_sure() -> A.Compose:
        whole = make()
        for transform in _all_of(whole):
            if not isinstance(transform, A.OneOf | A.SomeOf):
                transform.p = 1
        return whole

    trial = np.zeros((1024, 1024, channels), np.uint8), np.zeros((1024, 1024), np.uint8)
    change = _seeded(make_sure, name, channels)
    for seed in range(8):
        change(*trial, np.random.default_rng(seed))


def _first_line(error: Exception) -> str:
    """Return what an error says, in a line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _plain(value: Any) -> Any:
    """Turn what albumentations holds into what YAML can."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _seeded(pipeline: Callable, name: str, channels: int) -> Callable:
    """Give each thread a pipeline of its own, whose random state is set anew for every sample.

    What it returns is proved to be pixels: some transforms act on a few samples only.
    """
    local = threading.local()

    def change(
        image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(local, "pipeline"):
            local.pipeline = pipeline()
        # By `set_random_seed` every transform would draw the same numbers: flip, scale and the
        # place of the crop would hang together.
        local.pipeline.set_random_state(rng, random.Random(int(rng.integers(2**32))))
        try:
            result = local.pipeline(image=image, mask=mask)
        except Exception as error:
            reason = _first_line(error).rstrip(".")
            raise KsegError(
                f"The augmentation {name} failed on an image of {image.shape[0]}x{image.shape[1]} "
                f"pixels and {channels} channels: {reason}."
            ) from error
        image, mask = result["image"], result["mask"]
        expected = (*mask.shape, channels)
        if image.dtype != np.uint8 or image.shape != expected:
            raise KsegError(
                f"The augmentation {name} returns images {image.dtype} {image.shape}; expected "
                f"uint8 {expected}. The network normalises by itself: leave Normalize, ToFloat and "
                "the like out."
            )
        return image, mask

    return change
