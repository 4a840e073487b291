"""A data set as the doctor sees it, and what it says of one: findings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

import numpy as np

from kseg.data.doctor.inspection import ImageLook, Look, MaskLook, Value
from kseg.data.reading.folders import check_stray, labels_of
from kseg.data.reading.layout import Layout
from kseg.errors import KsegError
from kseg.labels import Labels, read_labels

LEARNED = ("train", "all")
"""Splits that are learned from."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or doubtful.

    Attributes:
        severity: "error": training would stop, or learn what is wrong; "warning": doubtful; "note".
        kind: A few words that name the fault.
        text: What was found.
        remedy: What to do.
        files: The files it was found in.
    """

    severity: str
    kind: str
    text: str
    remedy: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A data set as it was seen, for the checks.

    Attributes:
        layout: How the files lie.
        looks: What each pair holds.
    """

    layout: Layout
    looks: list[Look]

    @property
    def path(self) -> Path:
        """Where `classes.json` is, or could be."""
        return self.layout.classes_file

    @cached_property
    def whole(self) -> list[tuple[Look, ImageLook, MaskLook]]:
        """The pairs of which both files can be read."""
        return [
            (look, image, look.mask)
            for look, image in self.images
            if isinstance(look.mask, MaskLook)
        ]

    @cached_property
    def masks(self) -> list[tuple[Look, MaskLook]]:
        """The masks that can be read."""
        return [(look, look.mask) for look in self.looks if isinstance(look.mask, MaskLook)]

    @cached_property
    def images(self) -> list[tuple[Look, ImageLook]]:
        """The images that can be read."""
        return [(look, look.image) for look in self.looks if isinstance(look.image, ImageLook)]

    @cached_property
    def _labels(self) -> tuple[Labels | None, str]:
        """The classes and where they come from, or no classes and why."""
        try:
            if self.path.exists():
                labels = read_labels(self.path)
                return labels, f"{len(labels)} classes from {self.path}"
            check_stray(self.path)
            if any(mask.is_colored for _, mask in self.masks):
                return None, (
                    f"Masks are colour images, and no {self.path} says which colour is which class."
                )
            training = [mask for look, mask in self.masks if look.split in LEARNED]
            values = {value for mask in training for value in mask.pixels if isinstance(value, int)}
            return labels_of(values, self.path)
        except ValueError as error:
            return None, str(error)

    @property
    def is_split(self) -> bool:
        """Whether the files themselves tell what validates."""
        return "val" in self.layout.splits

    @property
    def labels(self) -> Labels | None:
        """The classes; `None` where they cannot be told."""
        return self._labels[0]

    @property
    def classes(self) -> Labels:
        """The classes, for what has no sense without them.

        Raises:
            KsegError: They cannot be told.
        """
        if self.labels is None:
            raise KsegError(self.note)
        return self.labels

    @property
    def note(self) -> str:
        """Where the classes come from, or why they cannot be told."""
        return self._labels[1]

    @cached_property
    def meaning(self) -> dict[Value, int]:
        """What each value or colour of a mask file means: a class or void."""
        labels = self.classes
        indices = labels.values or {index: index for index in range(len(labels))}
        colors = {color: index for index, color in enumerate(labels.colors)}
        void: dict[Value, int] = {labels.ignore: labels.ignore, labels.void_color: labels.ignore}
        return void | colors | indices

    def strangers(self, mask: MaskLook) -> dict:
        """Return the values of a mask that mean nothing, and their pixels."""
        if self.classes.other is not None:
            return {}
        return {value: n for value, n in mask.pixels.items() if value not in self.meaning}

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixels of each class in each readable mask, int64, `(masks, classes)`."""
        counts = np.zeros((len(self.masks), len(self.classes)), np.int64)
        for row, (_, mask) in zip(counts, self.masks, strict=True):
            for value, number in mask.pixels.items():
                index = self.meaning.get(value, self.classes.other)
                if index is not None and index < len(row):
                    row[index] += number
        return counts

    @property
    def learned_pixels(self) -> np.ndarray:
        """Those rows of `pixels` that are of masks to learn from."""
        return self.pixels[[look.split in LEARNED for look, _ in self.masks]]


def first_of(text: str, faults: Sequence) -> str:
    """Add to a sentence on the first of several faults how many more there are."""
    return text if len(faults) == 1 else f"{text} {len(faults) - 1} more like this."


def is_text(found: object) -> TypeGuard[str]:
    """Tell whether a file could not be read: a sentence stands in its place."""
    return isinstance(found, str)


def images_of(looks: Iterable[Look]) -> tuple[str, ...]:
    """Return the paths of images, each once."""
    return tuple(dict.fromkeys(str(look.pair.image) for look in looks))


def masks_of(looks: Iterable[Look]) -> tuple[str, ...]:
    """Return the paths of masks."""
    return tuple(str(look.pair.mask) for look in looks)


def named(names: Iterable[str]) -> str:
    """Return names in quotation marks, one after the other."""
    return ", ".join(f"'{name}'" for name in names)


def sized(size: tuple[int, int]) -> str:
    """Return a size as height x width."""
    return f"{size[0]}x{size[1]}"
