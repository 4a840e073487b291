"""How a data set that comes in one piece is divided: at random, by classes, or by groups."""

import re
from collections.abc import Sequence

import numpy as np

from kseg.errors import KsegError


def at_random(count: int, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Divide `count` samples at random.

    Args:
        count: Number of samples, at least that of the parts.
        fractions: Size of each part but the first, which takes the rest; each holds at least one.
        seed: The same seed gives the same parts.

    Returns:
        The sorted indices of each part, the first part first.
    """
    order = np.random.default_rng(seed).permutation(count)
    sizes = part_sizes(count, fractions)
    ends = np.cumsum(sizes[::-1])[:-1]
    return [np.sort(part) for part in np.split(order, ends)[::-1]]


def by_classes(pixels: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Divide samples so that each class is found in every part as often as it is due there.

    The class that the fewest samples hold is dealt out first, each sample to the part that lacks
    the most of it.

    Args:
        pixels: Pixels of each class in each mask, shape `(samples, classes)`.
        fractions: Size of each part but the first, which takes the rest; each holds at least one.
        seed: The same seed gives the same parts.

    References:
        Sechidis, Tsoumakas and Vlahavas 2011, "On the Stratification of Multi-Label Data",
        Algorithm 1.
    """
    rng = np.random.default_rng(seed)
    holds = pixels > 0
    sizes = np.array(part_sizes(len(holds), fractions))
    room = sizes.astype(float)
    due = holds.sum(axis=0) * sizes[:, None] / len(holds)
    part_of = np.full(len(holds), -1)
    while (part_of < 0).any():
        left = part_of < 0
        counts = holds[left].sum(axis=0)
        rarest = np.where(counts > 0, counts, np.inf).argmin() if counts.any() else None
        chosen = np.flatnonzero(left if rarest is None else left & holds[:, rarest])
        for index in rng.permutation(chosen):
            lack = room if rarest is None else due[:, rarest]
            # The most lacking part; among equals the one with the most room, then by chance.
            rank = np.lexsort((rng.random(len(room)), room, np.where(room > 0, lack, -np.inf)))
            part = rank[-1]
            part_of[index] = part
            room[part] -= 1
            due[part] -= holds[index]
    return [np.flatnonzero(part_of == part) for part in range(len(sizes))]


def by_groups(
    names: Sequence[str], pattern: str, fractions: Sequence[float], seed: int
) -> list[np.ndarray]:
    """Divide samples so that those of one group, such as the frames of a video, stay together.

    Args:
        names: A name per sample.
        pattern: A regular expression that is searched in the name; the group is what its first
            parentheses match, or all of it: `^(.*)_` takes everything up to the last underscore.
        fractions: Size of each part but the first, which takes the rest; each holds at least one.
        seed: The same seed gives the same parts.

    Raises:
        KsegError: The pattern is not found in a name, or finds fewer groups than parts.
    """
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        match = re.search(pattern, name)
        group = match and (match.group(1) if match.re.groups else match.group())
        if group is None:
            raise KsegError(
                f"The pattern '{pattern}' is not found in the name '{name}', so its group is "
                "unknown. Every name must hold it."
            )
        groups.setdefault(group, []).append(index)
    parts = len(fractions) + 1
    if len(groups) < parts:
        raise KsegError(
            f"The pattern '{pattern}' finds {len(groups)} group(s) ({', '.join(groups)}), but "
            f"{parts} parts are wanted. Give one that tells more groups apart."
        )
    sizes = part_sizes(len(names), fractions)
    members = list(groups.values())
    shuffled = [members[i] for i in np.random.default_rng(seed).permutation(len(members))]
    shuffled.sort(key=len, reverse=True)
    taken: list[list[int]] = [[] for _ in sizes]
    for done, group in enumerate(shuffled):
        # Large groups first, each to the part that lacks the most; but none is left empty.
        empty = [part for part in range(parts) if not taken[part]]
        choice = empty if len(empty) == len(shuffled) - done else range(parts)
        taken[max(choice, key=lambda part: sizes[part] - len(taken[part]))] += group
    return [np.sort(part) for part in taken]


def equal_fractions(count: int, parts: int) -> list[float]:
    """Return the fractions that make parts of one size, up to one sample, the first the smallest.

    Args:
        count: Number of samples, at least that of the parts.
        parts: Number of parts.

    Returns:
        The fraction of each part but the first, as the functions above take them.
    """
    least, more = divmod(count, parts)
    return [(least + (part >= parts - more)) / count for part in range(1, parts)]


def part_sizes(count: int, fractions: Sequence[float]) -> list[int]:
    """Return the samples of each part: of the first, which takes the rest, and of each fraction.

    Raises:
        KsegError: There are fewer samples than parts, or nothing is left for the first.
    """
    sizes = [max(1, round(count * fraction)) for fraction in fractions]
    if sum(sizes) >= count:
        raise KsegError(
            f"{count} image(s) cannot be divided into {len(sizes) + 1} parts, of which "
            f"{', '.join(f'{fraction:g}' for fraction in fractions)} are split off. Add images, or "
            "take smaller fractions."
        )
    return [count - sum(sizes), *sizes]
