"""What `--data` names: a built-in data set, or files of the user's, as three splits."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kseg import _checks
from kseg.data import files, splitting
from kseg.data.folders import FileSamples, find_labels
from kseg.data.pairs import MASK_SUFFIX, SPLITS, Layout, Pair, find_pairs
from kseg.data.samples import Samples
from kseg.data.shapes import LABELS, ShapesSamples
from kseg.data.statistics import class_pixels
from kseg.labels import Labels, read_labels


@dataclass(frozen=True)
class Splits:
    """A data set to train on.

    Attributes:
        labels: The classes.
        train: Samples to learn from.
        val: Samples to choose the best epoch by.
        notes: Sentences on what was decided while opening.
    """

    labels: Labels
    train: Samples
    val: Samples
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """What `--data` names, and how it is read; its splits are opened one by one.

    Attributes:
        data: "shapes"; or the path of a folder, or of a list of pairs, as `find_pairs` takes them.
        size: `(height, width)` of the images of `shapes`.
        max_side: Larger images of a folder are made smaller on reading; `None` for full size.
        val_fraction: Part of the training images that is split off where there is no `val`.
        test_fraction: Part that is split off for a test where the data comes in one piece.
        split_by: How: "random"; "classes", so that each is found in every part; or "group:" and a
            regular expression that finds in a name what must stay together.
        mask_suffix: What a mask's stem has more than its image's where both lie in one folder.
        seed: Seed of `shapes` and of the split.
        skipped: Images, from the folder on, whose pairs are passed over once the splits are made.

    Raises:
        ValueError: There is neither such a folder nor such a built-in data set.
    """

    data: str
    size: tuple[int, int] | None = None
    max_side: int | None = None
    val_fraction: float = 0.15
    test_fraction: float = 0.0
    split_by: str = "random"
    mask_suffix: str = MASK_SUFFIX
    seed: int = 0
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.data != "shapes" and not self.path.exists():
            raise ValueError(
                f"{self.data} is neither a folder nor a built-in data set (shapes). Give a folder "
                "that holds images/ and masks/, or train/images and train/masks, by --data."
            )
        _checks.way_to_split(self.split_by)

    @property
    def path(self) -> Path:
        """The folder or list, where the data set is one."""
        return Path(self.data)

    @property
    def classes_file(self) -> Path:
        """Where the user may say what the values of the masks mean."""
        return (self.path if self.path.is_dir() else self.path.parent) / "classes.json"

    @property
    def best_test(self) -> str:
        """The split for a final score: "test" where there is one, else "val"."""
        return "test" if self.data == "shapes" or "test" in self._pairs else "val"

    def open(self) -> Splits:
        """Open the splits to train on, the classes found out.

        Raises:
            ValueError: The files are not laid out as they should, or their classes cannot be told.
        """
        if self.data == "shapes":
            return Splits(LABELS, self.split("train", LABELS), self.split("val", LABELS))
        labels, note = find_labels(self.classes_file.parent, self._pairs_of("train"))
        train, val = self.split("train", labels), self.split("val", labels)
        return Splits(labels, train, val, (note, *self._split_notes))

    def broken(self, on_pair: Callable[[], None] = lambda: None) -> dict[str, str]:
        """Read all files of `train` and `val`; return the broken pairs by their images, and why.

        Args:
            on_pair: Called after each pair.
        """
        if self.data == "shapes":
            return {}

        def fault(pair: Pair) -> str | None:
            try:
                files.check_pair(pair.image, pair.mask)
            except ValueError as error:
                return str(error)
            finally:
                on_pair()
            return None

        pairs = [*self._pairs_of("train"), *self._pairs_of("val")]
        with ThreadPoolExecutor() as pool:
            faults = zip(pairs, pool.map(fault, pairs), strict=True)
            return {self._key(pair): text for pair, text in faults if text}

    def labels(self, expected: Labels) -> Labels:
        """Return what this data set's masks mean to a run of the classes `expected`.

        Raises:
            ValueError: Its `classes.json` names other classes.
        """
        path = self.classes_file
        if self.data == "shapes" or not path.exists():
            return expected
        labels = read_labels(path)
        if labels.names != expected.names:
            raise ValueError(
                f"{path} names the classes {', '.join(labels.names)}; the run was trained on "
                f"{', '.join(expected.names)}. Give a data set with the run's classes by --data."
            )
        return labels

    def split(self, name: str, labels: Labels) -> Samples:
        """Open one split, its classes known.

        Raises:
            ValueError: There is no such split, or it is not of the form.
        """
        if self.data == "shapes":
            return ShapesSamples(name, size=self.size, seed=self.seed)
        return FileSamples(self._pairs_of(name), labels, self.max_side)

    @cached_property
    def layout(self) -> Layout:
        """The files as they lie there."""
        return find_pairs(self.path, self.mask_suffix)

    @cached_property
    def _pairs(self) -> dict[str, Sequence[Pair]]:
        """The pairs of each split, those that the files do not have split off."""
        splits = dict(self.layout.checked().splits)
        if "all" in splits:
            pairs, names = splits.pop("all"), ["val", "test"][: 1 + (self.test_fraction > 0)]
        elif "train" in splits and "val" not in splits:
            pairs, names = splits.pop("train"), ["val"]
        else:
            return splits
        fractions = [getattr(self, f"{name}_fraction") for name in names]
        parts = self._divide(pairs, fractions)
        found = {
            name: tuple(pairs[index] for index in part)
            for name, part in zip(["train", *names], parts, strict=True)
        }
        return found | splits

    def _pairs_of(self, name: str) -> Sequence[Pair]:
        """Return the pairs of one split."""
        if _checks.one_of(name, SPLITS, "split") not in self._pairs:
            raise ValueError(
                f"{self.data} has no {name} split; it has {', '.join(self._pairs)}. Add {name}/ "
                "with images/ and masks/, or name the split of each pair in a list."
            )
        skipped = set(self.skipped)
        pairs = tuple(pair for pair in self._pairs[name] if self._key(pair) not in skipped)
        if not pairs:
            raise ValueError(f"{self.data}: no pair of {name} is left.")
        return pairs

    def _key(self, pair: Pair) -> str:
        return Path(os.path.relpath(pair.image, self.classes_file.parent)).as_posix()

    def _divide(self, pairs: Sequence[Pair], fractions: Sequence[float]) -> list[np.ndarray]:
        if self.split_by == "random":
            return splitting.at_random(len(pairs), fractions, self.seed)
        how, _, pattern = self.split_by.partition(":")
        if how == "group":
            names = [pair.name for pair in pairs]
            return splitting.by_groups(names, pattern, fractions, self.seed)
        labels, _ = find_labels(self.classes_file.parent, pairs)
        with ThreadPoolExecutor() as pool:
            masks = pool.map(lambda pair: files.read_mask(pair.mask, labels), pairs)
            pixels = [class_pixels(mask, len(labels)) for mask in masks]
        return splitting.by_classes(np.array(pixels), fractions, self.seed)

    @property
    def _split_notes(self) -> list[str]:
        """Sentences on how the files lie, and on what was split off."""
        notes = [self.layout.note]
        made = [name for name in self._pairs if name not in self.layout.splits]
        if made:
            sizes = ", ".join(f"{len(self._pairs[name])} for {name}" for name in made)
            notes.append(f"split by kseg ({self.split_by}, seed {self.seed}): {sizes}")
        return notes


def open_pairs(
    data: Path, split: str | None = None, mask_suffix: str = MASK_SUFFIX
) -> tuple[FileSamples, str]:
    """Open the samples of one split as the files have it, to look at them.

    Args:
        data: A folder or list, as `find_pairs` takes them.
        split: "train", "val", "test", or "all"; by default "train", or "all" where that is all.
        mask_suffix: See `find_pairs`.

    Returns:
        The samples, and where their classes come from.

    Raises:
        ValueError: The files are not laid out as they should, or their classes cannot be told.
    """
    splits = find_pairs(data, mask_suffix).checked().splits
    everything = tuple(pair for pairs in splits.values() for pair in pairs)
    training = splits.get("train", everything)
    labels, note = find_labels(data if data.is_dir() else data.parent, training)
    if split == "all" or (split is None and "train" not in splits):
        return FileSamples(everything, labels), note
    split = split or "train"
    if split not in splits:
        raise ValueError(f"{data} has no {split} split. It has: {', '.join(splits)}.")
    return FileSamples(splits[split], labels), note
