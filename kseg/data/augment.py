"""Augmentation by albumentations, which stands behind this file alone."""

import os
import random
import threading
from collections.abc import Callable

import numpy as np

# albumentations looks up the network when it is imported, unless this is set first.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

Augmentation = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def flip_scale_crop(
    size: tuple[int, int], ignore: int, scale: tuple[float, float] = (0.75, 1.5)
) -> Augmentation:
    """Flip horizontally, scale at random and crop to one size.

    Args:
        size: `(height, width)` of the result; a smaller image is padded, its mask with void.
        ignore: The index of void pixels.
        scale: The range of the factor by which the image is scaled.

    Returns:
        A function of `(image, mask, seed)` to image and mask of `size`. The same seed gives the
        same result; it can be called from several threads.

    Raises:
        ValueError: `scale` is not a range.
    """
    low, high = scale
    if not 0 < low <= high:
        raise ValueError(f"scale must rise from above 0, such as (0.75, 1.5). Received: {scale}.")
    import albumentations as A

    def pipeline() -> A.Compose:
        height, width = size
        return A.Compose(
            [
                # A side of a few pixels would vanish when it is scaled.
                A.PadIfNeeded(16, 16, fill=127, fill_mask=ignore, border_mode=0),
                A.HorizontalFlip(),
                A.RandomScale((low - 1, high - 1), p=1),
                A.PadIfNeeded(height, width, fill=127, fill_mask=ignore, border_mode=0),
                A.RandomCrop(height, width),
            ]
        )

    return _seeded(pipeline)


def _seeded(pipeline: Callable) -> Augmentation:
    """Give each thread a pipeline of its own, whose random state is set anew for every sample."""
    local = threading.local()

    def augment(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(local, "pipeline"):
            local.pipeline = pipeline()
        # By `set_random_seed` every transform would draw the same numbers: flip, scale and the
        # place of the crop would hang together.
        local.pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        result = local.pipeline(image=image, mask=mask)
        return result["image"], result["mask"]

    return augment
