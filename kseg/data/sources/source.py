"""What `data=` names: a built-in data set, or files of the user's, as three splits."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from kseg import _checks
from kseg.data.reading import bands, files
from kseg.data.reading.folders import FileSamples, find_labels
from kseg.data.reading.layout import MASK_SUFFIX, SPLITS, Layout, Pair
from kseg.data.reading.pairs import find_pairs
from kseg.data.samples import Samples
from kseg.data.sources import folding, splitting
from kseg.data.sources.shapes import LABELS, ShapesSamples
from kseg.data.statistics import class_pixels
from kseg.errors import KsegError
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
    """What `data=` names, and how it is read; its splits are opened one by one.

    Attributes:
        data: "shapes"; or the path of a folder, or of a list of pairs, as `find_pairs` takes them.
        size: `(height, width)` of the images of `shapes`, which cannot be drawn without.
        max_side: Larger images of a folder are made smaller on reading; `None` for full size.
        val_fraction: Part of the training images that is split off where there is no `val`; 0 to
            leave them as they are.
        test_fraction: Part that is split off for a test where the data comes in one piece.
        split_by: How: "random"; "classes", so that each is found in every part; or "group:" and a
            regular expression that finds in a name what must stay together.
        folds: Number of parts of all images but those of the test, one of which validates whatever
            `val` there is; `None` for no such parts.
        fold: Which, from 1.
        mask_suffix: What a mask's stem has more than its image's where they do not bear one name.
        seed: Seed of `shapes` and of the split.
        skipped: Pairs that are passed over, as "split/name" of how the files lie.
        kept: Names of the pairs of "val" and "test" that were split off before, to split alike
            although there are new files.
        channels: 1 for grey, 3 for RGB, or the number of bands of each image, up to 8; `shapes`
            has 3.

    Raises:
        KsegError: There is neither such a folder nor such a built-in data set, or it does not have
            so many channels.

    Example:
        >>> source = kseg.data.Source("my_data")
        >>> splits = source.open()
        >>> splits.labels.names, len(splits.train), len(splits.val), source.best_test
        (('ground', 'box'), 6, 3, 'test')
    """

    data: str
    size: tuple[int, int] | None = None
    max_side: int | None = None
    val_fraction: float = 0.15
    test_fraction: float = 0.0
    split_by: str = "random"
    folds: int | None = None
    fold: int = 1
    mask_suffix: str = MASK_SUFFIX
    seed: int = 0
    skipped: tuple[str, ...] = ()
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    channels: int = 3

    def __post_init__(self) -> None:
        if self.data != "shapes" and not Path(self.data).exists():
            raise KsegError(
                f"{self.data} is neither a folder nor a built-in data set (shapes). Give a folder "
                "that holds images/ and masks/, or train/images and train/masks, by data=."
            )
        _checks.way_to_split(self.split_by)
        if self.folds is not None and not 1 <= self.fold <= self.folds:
            raise KsegError(
                f"fold= must be from 1 to {self.folds}, the number of folds. Received: {self.fold}."
            )
        _checks.count(self.channels, bands.MOST, "channels")
        if self.data == "shapes" and self.channels != 3:
            raise KsegError(
                f"The images of shapes have 3 channels. Received: channels={self.channels}. Leave "
                "channels= out, or give other images by data=."
            )

    @property
    def best_test(self) -> str:
        """The split for a final score: "test" where there is one, else "val", or "all"."""
        if self.data == "shapes":
            return "test"
        return next(name for name in ("test", "val", "all", "train") if name in self._pairs)

    def open(self) -> Splits:
        """Open the splits to train on, the classes found out.

        Raises:
            KsegError: The files are not laid out as they should, or their classes cannot be told.
        """
        if self.data == "shapes":
            drawn = Splits(LABELS, self.split("train", LABELS), self.split("val", LABELS))
            return replace(drawn, notes=tuple(self._folds_note))
        self.layout.checked("train", "val", "all")
        skipped = set(self.skipped)
        learned = [
            pair
            for split, pairs in self.layout.splits.items()
            for pair in pairs
            if split in self._learned and f"{split}/{pair.name}" not in skipped
        ]
        labels, note = find_labels(self.layout.root, learned)
        train, val = self.split("train", labels), self.split("val", labels)
        return Splits(labels, train, val, (note, *self._notes))

    def broken(
        self, on_pair: Callable[[], None] = lambda: None, split: str | None = None
    ) -> dict[str, str]:
        """Read all files; return the pairs that cannot be read, as `skipped` takes them, and why.

        Args:
            on_pair: Called after each pair.
            split: Read those of this split alone, as far as there is one.
        """
        if self.data == "shapes":
            return {}
        splits = self.layout.splits if split is None else {split: self._pairs.get(split, ())}

        def fault(pair: Pair) -> str | None:
            try:
                files.check_pair(pair.image, pair.mask, self.channels)
            except ValueError as error:
                return str(error)
            finally:
                on_pair()
            return None

        named = {f"{name}/{p.name}": p for name, pairs in splits.items() for p in pairs}
        with ThreadPoolExecutor() as pool:
            faults = zip(named, pool.map(fault, named.values()), strict=True)
            return {name: text for name, text in faults if text}

    def labels(self, expected: Labels) -> Labels:
        """Return what this data set's masks mean to a run of the classes `expected`.

        Raises:
            KsegError: Its `classes.json` names other classes.
        """
        if self.data == "shapes" or not self.layout.classes_file.exists():
            return expected
        labels = read_labels(self.layout.classes_file)
        if labels.names != expected.names:
            raise KsegError(
                f"{self.layout.classes_file} names the classes {', '.join(labels.names)}; the run "
                f"was trained on {', '.join(expected.names)}. Give a data set with the run's "
                "classes by data=."
            )
        return labels

    def split(self, name: str, labels: Labels) -> Samples:
        """Open one split, its classes known.

        Raises:
            KsegError: There is no such split, or it is not of the form.
        """
        if self.data == "shapes":
            if self.size is None:
                raise KsegError(
                    "size must be the (height, width) at which shapes are drawn, such as "
                    "(128, 128). Received: None."
                )
            if self.folds is None or name == "test":
                return ShapesSamples(name, size=self.size, seed=self.seed)
            return folding.drawn(self.size, self.seed, self.folds, self.fold, name)
        _checks.one_of(name, ("all", *SPLITS), "split")
        self.layout.checked(name, *(["all", "train"] if name not in self.layout.splits else []))
        if name not in self._pairs:
            raise KsegError(
                f"{self.data} has no {name} split; it has {', '.join(self._pairs)}. Add {name}/ "
                "with images/ and masks/, or name the split of each pair in a list."
            )
        return FileSamples(self._pairs[name], labels, self.max_side, self.channels)

    def images(self, split: str) -> frozenset[Path]:
        """Return the image files of a split, absolute; none of one that is not there, or drawn."""
        pairs = () if self.data == "shapes" else self._pairs.get(split, ())
        return frozenset(pair.image.resolve() for pair in pairs)

    @property
    def split_off(self) -> dict[str, list[str]]:
        """Names of the pairs of the splits that the files themselves do not have."""
        if self.data == "shapes":
            return {}
        return {
            name: [pair.name for pair in pairs]
            for name, pairs in self._pairs.items()
            if name != "train" and (name not in self.layout.splits or name in self._divided)
        }

    @cached_property
    def layout(self) -> Layout:
        """The files as they lie there."""
        return find_pairs(self.data, self.mask_suffix)

    @cached_property
    def _pairs(self) -> dict[str, tuple[Pair, ...]]:
        """The pairs of each split, those that the files do not have split off, none skipped."""
        skipped = set(self.skipped)
        found = dict(self.layout.splits)
        if self.folds is not None:
            return self._folded(found)
        names = self._to_split_off()
        if names:
            origin = "all" if "all" in found else "train"
            pairs = found.pop(origin)
            for name, part in zip(["train", *names], self._divide(pairs, names), strict=True):
                found[name] = tuple(p for p in part if f"{origin}/{p.name}" not in skipped)
        kept = {
            name: tuple(p for p in pairs if f"{name}/{p.name}" not in skipped)
            for name, pairs in found.items()
        }
        return self._none_empty(kept)

    def _none_empty(self, splits: dict[str, tuple[Pair, ...]]) -> dict[str, tuple[Pair, ...]]:
        for name, pairs in splits.items():
            if not pairs:
                raise KsegError(f"{self.data}: no pair of {name} is left.")
        return splits

    def _folded(self, splits: dict[str, tuple[Pair, ...]]) -> dict[str, tuple[Pair, ...]]:
        """Return the splits in which a fold of all that may be learned from validates."""
        if "all" in splits and self.test_fraction:
            splits["all"], splits["test"] = self._divide(splits["all"], ["test"])
        skipped = set(self.skipped)
        pool = [
            (split, pair)
            for split in self._learned
            for pair in splits.get(split, ())
            if f"{split}/{pair.name}" not in skipped
        ]
        pairs = [pair for _, pair in pool]
        if len({split for split, _ in pool}) > 1:  # a name may stand in both
            named = [pair._replace(name=f"{split}/{pair.name}") for split, pair in pool]
        else:
            named = pairs
        held = set(self.kept["val"]) if "val" in self.kept else self._held_out(pairs, named)
        test = [pair for pair in splits.get("test", ()) if f"test/{pair.name}" not in skipped]
        return self._none_empty(
            {
                "train": tuple(pair for pair in named if pair.name not in held),
                "val": tuple(pair for pair in named if pair.name in held),
                **({"test": tuple(test)} if test else {}),
            }
        )

    def _held_out(self, pairs: Sequence[Pair], named: Sequence[Pair]) -> set[str]:
        """Return the names of the pairs of the fold that validates."""
        folds = self.folds or 1
        if len(pairs) < folds:
            raise KsegError(
                f"folds= must be at most the number of images to divide: {self.data} has "
                f"{len(pairs)}. Received: {folds}."
            )
        parts = self._parts(pairs, splitting.equal_fractions(len(pairs), folds))
        return {named[index].name for index in parts[self.fold - 1]}

    @property
    def _learned(self) -> tuple[str, ...]:
        """The splits of the files that are learned from."""
        return ("train", "all") if self.folds is None else ("train", "all", "val")

    @property
    def _divided(self) -> tuple[str, ...]:
        """The splits that are kseg's own, although the files may have them."""
        return () if self.folds is None else ("val",)

    def _to_split_off(self) -> list[str]:
        """Return the splits that are made of others."""
        there = self.layout.splits
        if not self.val_fraction or "val" in there or not ("all" in there or "train" in there):
            return []
        return ["val", "test"] if "all" in there and self.test_fraction else ["val"]

    def _divide(self, pairs: Sequence[Pair], names: Sequence[str]) -> list[tuple[Pair, ...]]:
        """Return the pairs of the first part, which is trained on, and of each of `names`."""
        if self.kept:
            taken = {name: set(self.kept.get(name, ())) for name in names}
            first = tuple(p for p in pairs if not any(p.name in part for part in taken.values()))
            return [first, *(tuple(p for p in pairs if p.name in taken[name]) for name in names)]
        parts = self._parts(pairs, [getattr(self, f"{name}_fraction") for name in names])
        return [tuple(pairs[index] for index in part) for part in parts]

    def _parts(self, pairs: Sequence[Pair], fractions: Sequence[float]) -> list[np.ndarray]:
        """Return the indices of parts of some pairs, divided as `split_by` says."""
        how, _, pattern = self.split_by.partition(":")
        if how == "random":
            return splitting.at_random(len(pairs), fractions, self.seed)
        if how == "group":
            names = [pair.name for pair in pairs]
            return splitting.by_groups(names, pattern, fractions, self.seed)
        return splitting.by_classes(self._class_pixels(pairs), fractions, self.seed)

    def _class_pixels(self, pairs: Sequence[Pair]) -> np.ndarray:
        """Count the pixels of each class in each mask; a skipped one holds none."""
        # Of folds the skipped are left out before, and a name may stand in two splits.
        skipped = {name.partition("/")[2] for name in self.skipped if self.folds is None}
        sound = [pair for pair in pairs if pair.name not in skipped]
        labels, _ = find_labels(self.layout.root, sound)

        def count(pair: Pair) -> np.ndarray:
            if pair.name in skipped:
                return np.zeros(len(labels), np.int64)
            return class_pixels(files.read_mask(pair.mask, labels), len(labels))

        with ThreadPoolExecutor() as pool:
            return np.array(list(pool.map(count, pairs)))

    @property
    def _notes(self) -> list[str]:
        """Sentences on how the files lie, and on what was split off."""
        notes = [*self.layout.notes]
        if self.folds is not None:
            return [*notes, *self._folds_note]
        made = self._to_split_off()
        if made:
            sizes = ", ".join(f"{len(self._pairs[name])} for {name}" for name in made)
            notes.append(f"split by kseg ({self.split_by}, seed {self.seed}): {sizes}")
        elif self.split_by != "random" or self.test_fraction:
            notes.append("the data is split already: split_by= and test_fraction= do nothing")
        return notes

    @property
    def _folds_note(self) -> list[str]:
        if self.folds is None:
            return []
        how = "random" if self.data == "shapes" else self.split_by
        return [f"fold {self.fold} of {self.folds} ({how}, seed {self.seed}) validates"]


def open_pairs(
    data: Path, split: str | None = None, mask_suffix: str = MASK_SUFFIX, channels: int = 3
) -> tuple[FileSamples, str]:
    """Open the samples of one split as the files have it, to look at them.

    Args:
        data: A folder or list, as `find_pairs` takes them.
        split: "train", "val", "test", or "all"; by default "train", or "all" where that is all.
        mask_suffix: What ends a mask's name where masks lie beside their images.
        channels: Channels of the images, 1 to 8.

    Returns:
        The samples, and where their classes come from.

    Raises:
        KsegError: The files are not laid out as they should, or their classes cannot be told.
    """
    layout = find_pairs(data, mask_suffix).checked()
    labels, note = find_labels(layout.root, layout.learned)
    split = split or ("train" if "train" in layout.splits else "all")
    if split == "all":
        return FileSamples(layout.everything, labels, channels=channels), note
    if split not in layout.splits:
        raise KsegError(f"{data} has no {split} split. It has: {', '.join(layout.splits)}.")
    return FileSamples(layout.splits[split], labels, channels=channels), note
