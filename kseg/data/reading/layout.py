"""What a data set's files are once sorted: pairs, their splits, and what does not fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kseg.data.reading import files
from kseg.errors import KsegError

SPLITS = ("train", "val", "test")
FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Folders of splits, in any case, and what kseg calls them."""
MASK_SUFFIX = "_mask"


class Pair(NamedTuple):
    """An image, its mask, and what names both: a path without suffix, relative and unique."""

    name: str
    image: Path
    mask: Path


class Fault(NamedTuple):
    """What does not fit into the layout: its kind, the split it is in, a file, a sentence."""

    kind: str
    split: str
    path: Path
    text: str


@dataclass(frozen=True)
class Layout:
    """The pairs of a data set.

    Attributes:
        root: The folder in which `classes.json` may lie.
        splits: Pairs of "train", "val", "test", each sorted by name, as far as the data is split;
            of "all" where it is not.
        faults: Files that have no partner, or too many; splits without pairs.
        note: How the files are laid out, for the user to check.
        others: Files and folders that were passed over.
    """

    root: Path
    splits: dict[str, tuple[Pair, ...]]
    faults: tuple[Fault, ...]
    note: str
    others: tuple[Path, ...] = ()

    def checked(self, *splits: str) -> "Layout":
        """Return the layout itself if every file of some splits, by default of all, fits into it.

        Raises:
            KsegError: A file does not; the message names the first.
        """
        faults = [fault for fault in self.faults if not splits or fault.split in splits]
        if faults:
            more = len(faults) - 1
            raise KsegError(faults[0].text + (f" {more} more files do not fit." if more else ""))
        return self

    @property
    def classes_file(self) -> Path:
        """Where the user may say what the values of the masks mean."""
        return self.root / "classes.json"

    @property
    def everything(self) -> tuple[Pair, ...]:
        """The pairs of all splits."""
        return tuple(pair for pairs in self.splits.values() for pair in pairs)

    @property
    def learned(self) -> tuple[Pair, ...]:
        """The pairs from which classes are worked out: those of train, or all where none are."""
        return self.splits.get("train") or self.everything

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on how the files lie, and on what was passed over."""
        if not self.others:
            return (self.note,)
        named = ", ".join(str(path) for path in self.others[:3])
        more = f" and {len(self.others) - 3} more" if len(self.others) > 3 else ""
        return self.note, f"passed over, as no images in their place: {named}{more}"


def can_be_mask(path: Path) -> bool:
    """Tell whether a mask may have this suffix."""
    return path.suffix.lower() in files.MASK_SUFFIXES


def no_mask(split: str, path: Path) -> Fault:
    """Return the fault of a mask whose format changes indices."""
    text = (
        f"{path} cannot be a mask: {path.suffix} changes class indices. "
        f"Masks must be one of {', '.join(files.MASK_SUFFIXES)}."
    )
    return Fault("no mask", split, path, text)
