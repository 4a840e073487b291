"""The check for images that look the same."""

from collections.abc import Iterator, Sequence

import numpy as np

from kseg.data.doctor.case import Case, Finding, first_of, images_of
from kseg.data.doctor.inspection import ImageLook, Look

ALIKE_BITS, ALIKE_MEAN, ALIKE_MOST = 6, 4.0, 24.0
"""Images look the same if no more bits of their hashes differ, and at 32x32 pixels no more levels,
in the mean and anywhere: a small thing that is there in one of them alone tells them apart."""


def leaks(case: Case) -> Iterator[Finding]:
    """Find images that look the same, in two splits or in one."""
    alike = [(case.images[i][0], case.images[j][0]) for i, j in near_identical(case.images)]
    across = [pair for pair in alike if pair[0].split != pair[1].split]
    within = [pair for pair in alike if pair[0].split == pair[1].split]
    if across:
        one, other = across[0]
        text = f"{one.pair.image} and {other.pair.image} look the same, in two splits."
        remedy = "Keep such images in one split: scores on the other are flattered."
        looks = (look for pair in across for look in pair)
        yield Finding("error", "leak", first_of(text, across), remedy, images_of(looks))
    if within:
        one, other = within[0]
        text = f"{one.pair.image} and {other.pair.image} look the same."
        remedy = "Keep one of them."
        if not case.is_split:
            remedy = "Keep one, or split by groups (split_by=group:PATTERN), or they leak to val."
        looks = (look for pair in within for look in pair)
        yield Finding("warning", "doubled images", first_of(text, within), remedy, images_of(looks))


def near_identical(images: Sequence[tuple[Look, ImageLook]]) -> list[tuple[int, int]]:
    """Find images that look the same as one before: by their hashes, then by their pixels.

    Returns:
        An earlier and a later image: for each image the first of each split that looks the same.
    """
    if not images:
        return []
    bits = np.array([image.hash for _, image in images], np.float32) * 2 - 1
    thumbs = np.array([image.thumb for _, image in images])
    found = []
    for index in range(1, len(images)):
        differ = (64 - bits[:index] @ bits[index]) / 2
        met = set()
        for other in np.flatnonzero(differ <= ALIKE_BITS).tolist():
            split = images[other][0].split
            if split in met:
                continue
            gap = np.abs(thumbs[index].astype(int) - thumbs[other])
            if gap.mean() <= ALIKE_MEAN and gap.max() <= ALIKE_MOST:
                met.add(split)
                found.append((other, index))
    return found
