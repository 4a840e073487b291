"""What to train with, as far as a data set and the kind of device tell: the one place that says so.

The training fills by it what a recipe leaves open, and the doctor suggests it.
"""

from dataclasses import dataclass

import numpy as np

from kseg.data.resizing import shown_size

RARE = 0.01
"""A class of a smaller part of the pixels is called rare."""
MOST = {"cpu": 320, "gpu": 1024}
"""Longer sides of images are made this short."""
MOST_PRETRAINED = {"cpu": 480, "gpu": 1024}
"""The same where the encoder has learned from photos: it knows details that a small image lacks."""
CROP = 0.75
"""The part of an image's sides that is trained on."""
LARGEST_CROP = {"cpu": 384, "gpu": 512}
"""The sides of what is trained on are no longer."""


@dataclass(frozen=True)
class Advice:
    """What to train with.

    Attributes:
        max_side: Larger images are made so small that their longer side is this.
        size: `(height, width)` of the crops to train on.
        loss: Name of the loss.
        class_weights: "enet" where a class is rare, else "none".
        rare: Indices of the rare classes.
    """

    max_side: int
    size: tuple[int, int]
    loss: str
    class_weights: str
    rare: tuple[int, ...]


def advise(
    sizes: np.ndarray,
    pixels: np.ndarray,
    *,
    on_gpu: bool,
    is_pretrained: bool = False,
    stride: int = 32,
    max_side: int | None = None,
    loss: str = "ce",
    weigh: bool = True,
) -> Advice:
    """Say what to train with on images of these sizes and classes of these pixels.

    The crop has three quarters of the median of each side, once larger images are made smaller, but
    at most 384 on a CPU and 512 on a GPU, and is floored to a multiple of `stride`.

    Args:
        sizes: `(height, width)` of each training image, whole numbers, shape `(samples, 2)`.
        pixels: Pixels of each class in each training mask, shape `(samples, classes)`.
        on_gpu: Whether a GPU is to train.
        is_pretrained: Whether the network's encoder has learned from photos.
        stride: What the sides of a crop must be multiples of.
        max_side: The longest side of an image; by default 320 on a CPU, 480 there with an encoder
            that has learned from photos, 1024 on a GPU.
        loss: Name of the loss.
        weigh: Whether the loss takes class weights: whether it is one of pixels only.

    Returns:
        All of it; what was given, as it was given.
    """
    kind = "gpu" if on_gpu else "cpu"
    max_side = max_side or longest_side(on_gpu, is_pretrained)
    read = [shown_size(size, max_side) for size in np.asarray(sizes).tolist()]
    sides = np.minimum(CROP * np.median(read, axis=0), LARGEST_CROP[kind])
    height, width = (int(max(1, side // stride)) * stride for side in sides)
    rare = rare_classes(pixels)
    return Advice(max_side, (height, width), loss, "enet" if rare and weigh else "none", rare)


def longest_side(on_gpu: bool, is_pretrained: bool) -> int:
    """Return the side to which larger images are made smaller."""
    return (MOST_PRETRAINED if is_pretrained else MOST)["gpu" if on_gpu else "cpu"]


def rare_classes(pixels: np.ndarray) -> tuple[int, ...]:
    """Return the classes of a part of the pixels below `RARE`, those without a pixel among them.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.
    """
    share = pixels.sum(axis=0) / max(pixels.sum(), 1)
    return tuple(np.flatnonzero(share < RARE).tolist())
