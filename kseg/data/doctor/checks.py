"""Checks of a data set, each for one kind of fault; the doctor asks them all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kseg.data.doctor.inspection import ImageLook, Look, MaskLook
from kseg.data.reading.folders import check_stray, labels_of
from kseg.data.reading.layout import Layout
from kseg.labels import Labels, read_labels

RARE = 0.001
"""A class of a smaller part of the pixels is called rare."""
DARK = 48
"""An image in which no pixel is brighter is called dark."""
ALIKE_BITS, ALIKE_MEAN, ALIKE_MOST = 6, 4.0, 24.0
"""Images look the same if no more bits of their hashes differ, and at 32x32 pixels no more levels,
in the mean and anywhere: a small thing that is there in one of them alone tells them apart."""


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
    def whole(self) -> list[Look]:
        """The pairs of which both files can be read."""
        return [look for look in self.looks if not (_is_text(look.image) or _is_text(look.mask))]

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
            training = [mask for look, mask in self.masks if look.split in ("train", "all")]
            values = {value for mask in training for value in mask.pixels}
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
    def note(self) -> str:
        """Where the classes come from, or why they cannot be told."""
        return self._labels[1]

    @cached_property
    def meaning(self) -> dict[int | tuple[int, int, int], int]:
        """What each value or colour of a mask file means: a class or void."""
        labels = self.labels
        indices = labels.values or {index: index for index in range(len(labels))}
        colors = {color: index for index, color in enumerate(labels.colors)}
        void = {labels.ignore: labels.ignore, labels.void_color: labels.ignore}
        return void | colors | indices

    def strangers(self, mask: MaskLook) -> dict:
        """Return the values of a mask that mean nothing, and their pixels."""
        if self.labels.other is not None:
            return {}
        return {value: n for value, n in mask.pixels.items() if value not in self.meaning}

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixels of each class in each readable mask, int64, `(masks, classes)`."""
        counts = np.zeros((len(self.masks), len(self.labels)), np.int64)
        for row, (_, mask) in zip(counts, self.masks, strict=True):
            for value, number in mask.pixels.items():
                index = self.meaning.get(value, self.labels.other)
                if index is not None and index < len(row):
                    row[index] += number
        return counts


def _layout(case: Case) -> Iterator[Finding]:
    remedies = {
        "alone": "Add the partner, or move the file away.",
        "doubled": "Keep one of the files that share a name.",
        "incomplete": "Add what is missing, or move the split away.",
        "no mask": "Save the masks as PNG, from what they were drawn in.",
    }
    for kind, remedy in remedies.items():
        faults = [fault for fault in case.layout.faults if fault.kind == kind]
        if faults:
            paths = tuple(str(fault.path) for fault in faults)
            yield Finding("error", kind, _first(faults[0].text, faults), remedy, paths)


def _no_train(case: Case) -> Iterator[Finding]:
    if not {"train", "all"} & set(case.layout.splits):
        text = f"There is nothing to train on, only {', '.join(case.layout.splits)}."
        yield Finding("error", "no train", text, "Add train/, with images/ and masks/.")


def _unreadable(case: Case) -> Iterator[Finding]:
    broken = [text for look in case.looks for text in (look.image, look.mask) if _is_text(text)]
    paths = [
        str(path)
        for look in case.looks
        for path, found in ((look.pair.image, look.image), (look.pair.mask, look.mask))
        if _is_text(found)
    ]
    if broken:
        text = _first(broken[0], broken)
        remedy = "Copy the file again from its source, or take the pair out."
        yield Finding("error", "unreadable", text, remedy, tuple(paths))


def _rotation(case: Case) -> Iterator[Finding]:
    turned = [look for look in case.whole if look.image.orientation != look.mask.orientation]
    # A quarter turn that fits is right, unless the image is square.
    turned = [look for look in turned if not _is_turned_rightly(look)]
    if turned:
        fits = all(look.image.size == look.mask.size for look in turned)
        text = (
            f"{turned[0].pair.image} has the EXIF orientation {turned[0].image.orientation}, its "
            f"mask {turned[0].mask.orientation}"
        )
        yield Finding(
            "warning" if fits else "error",
            "rotation",
            _first(text + ".", turned),
            "Look at the pair (kseg data show). If the mask was drawn on the image as it is "
            "stored, remove the orientation from the image; kseg applies it.",
            _images(turned),
        )


def _is_turned_rightly(look: Look) -> bool:
    """Tell whether the sizes prove that an upright mask belongs to an image turned by EXIF."""
    height, width = look.image.size
    return look.image.orientation >= 5 and height != width and look.image.size == look.mask.size


def _dark(case: Case) -> Iterator[Finding]:
    dark = [look for look, image in case.images if image.peak < DARK]
    if dark:
        text = f"{dark[0].pair.image} is nearly black: no pixel is brighter than {DARK} of 255."
        remedy = "If its pixels have 10 or 12 bits in a file of 16, scale them up to 16 bits."
        yield Finding("warning", "dark images", _first(text, dark), remedy, _images(dark))


def _one_mask_for_many(case: Case) -> Iterator[Finding]:
    owners: dict[Path, list[Look]] = {}
    for look in case.looks:
        owners.setdefault(look.pair.mask.resolve(), []).append(look)
    shared = [look for looks in owners.values() if len(looks) > 1 for look in looks]
    if shared:
        text = f"{shared[0].pair.mask} is the mask of several images."
        remedy = "Check that the list names each image's own mask."
        yield Finding("warning", "shared masks", text, remedy, _images(shared))


def _sizes_differ(case: Case) -> Iterator[Finding]:
    wrong = [
        look
        for look in case.whole
        if look.image.size != look.mask.size and look.image.orientation == look.mask.orientation
    ]
    if wrong:
        first = wrong[0]
        text = (
            f"{first.pair.mask} is {_size(first.mask.size)}, its image {_size(first.image.size)} "
            "(height x width)."
        )
        remedy = "Make masks of the image's size again, by nearest neighbours."
        yield Finding("error", "size mismatch", _first(text, wrong), remedy, _masks(wrong))


def _classes_unknown(case: Case) -> Iterator[Finding]:
    if case.labels is None:
        remedy = (
            f'Write {case.path}: {{"classes": [...]}}, and as needed "values", "palette", "ignore".'
        )
        yield Finding("error", "classes", case.note, remedy)


def _black_and_white(case: Case) -> Iterator[Finding]:
    if case.labels is None or 255 not in case.meaning or case.meaning[255] != case.labels.ignore:
        return
    found = {value for _, mask in case.masks for value in mask.pixels}
    if found == {0, 255}:
        remedy = f'Say so in {case.path}: {{"classes": [...], "values": {{"0": 0, "255": 1}}}}.'
        text = (
            "All masks hold 0 and 255 alone, where 255 is declared void: only class "
            f"'{case.labels.names[0]}' is left."
        )
        yield Finding("error", "0/255 masks", text, remedy, _masks(look for look, _ in case.masks))


def _black_and_white_in_part(case: Case) -> Iterator[Finding]:
    """Find masks of 0 and 255 among masks of indices: their foreground would be void."""
    if case.labels is None or len(case.labels) != 2 or case.meaning.get(255) != case.labels.ignore:
        return
    sure = [look for look, mask in case.masks if set(mask.pixels) == {0, 255}]
    others = [mask for _, mask in case.masks if 1 in mask.pixels]
    if sure and others and not any(255 in mask.pixels for mask in others):
        text = f"{sure[0].pair.mask} holds 0 and 255, other masks 0 and 1: 255 is void."
        remedy = "Save all masks alike; as they are, the foreground of these is not learned."
        yield Finding("error", "0/255 masks in part", _first(text, sure), remedy, _masks(sure))


def _passed_over(case: Case) -> Iterator[Finding]:
    if case.layout.others:
        paths = tuple(str(path) for path in case.layout.others)
        text = f"{paths[0]} is passed over: no image in the place of one."
        remedy = "Convert files of other formats; name folders train, val or test; or ignore this."
        yield Finding("warning", "passed over", _first(text, paths), remedy, paths)


def _strange_values(case: Case) -> Iterator[Finding]:
    if case.labels is None:
        return
    strange = [(look, case.strangers(mask), mask) for look, mask in case.masks]
    strange = [entry for entry in strange if entry[1]]
    kinds = {value for _, values, _ in strange for value in values}
    blurred = [entry for entry in strange if _is_blur(entry[1], entry[2])]
    if len(kinds) == 1 and not _lies_between(case, *kinds):
        blurred = []
    others = [entry for entry in strange if entry not in blurred]
    if blurred:
        look, values, mask = blurred[0]
        text = (
            f"{look.pair.mask} holds {len(values)} values between the classes, in "
            f"{_share(values, mask):.1%} of its pixels: it was compressed as a JPEG once, or "
            "resized with interpolation."
        )
        yield Finding(
            "error",
            "values between classes",
            _first(text, blurred),
            "Make the masks again: resized by nearest neighbours alone, and saved as PNG.",
            _masks(entry[0] for entry in blurred),
        )
    if others:
        look, values, mask = others[0]
        what = "colours" if mask.is_colored else "values"
        text = (
            f"{look.pair.mask} holds the {what} {', '.join(map(str, sorted(values)[:5]))}, which "
            f"are none of the {len(case.labels)} classes."
        )
        remedy = f'Correct the masks, or name them in {case.path} ("classes", "values", "palette").'
        if len(kinds) == 1 and not mask.is_colored:
            remedy += f' If it marks what nobody labelled: "ignore": {min(kinds)}.'
        files = _masks(entry[0] for entry in others)
        yield Finding("error", "values outside the classes", _first(text, others), remedy, files)


def _lies_between(case: Case, value: int | tuple) -> bool:
    """Tell whether interpolation of classes could make a value: colours always, or an index."""
    return isinstance(value, tuple) or value < max(
        key for key in case.meaning if isinstance(key, int) and key != case.labels.ignore
    )


def _is_blur(strangers: dict, mask: MaskLook) -> bool:
    """Tell values that compression or interpolation left: many, or in specks, of few pixels."""
    regions = [mask.regions.get(value, (0, 0)) for value in strangers]
    specks = sum(tiny for _, tiny in regions) > sum(count for count, _ in regions) / 2
    return (len(strangers) >= 4 or specks) and _share(strangers, mask) < 0.5


def _leaks(case: Case) -> Iterator[Finding]:
    alike = [(case.images[i][0], case.images[j][0]) for i, j in near_identical(case.images)]
    across = [pair for pair in alike if pair[0].split != pair[1].split]
    within = [pair for pair in alike if pair[0].split == pair[1].split]
    if across:
        one, other = across[0]
        text = f"{one.pair.image} and {other.pair.image} look the same, in two splits."
        remedy = "Keep such images in one split: scores on the other are flattered."
        looks = (look for pair in across for look in pair)
        yield Finding("error", "leak", _first(text, across), remedy, _images(looks))
    if within:
        one, other = within[0]
        text = f"{one.pair.image} and {other.pair.image} look the same."
        remedy = "Keep one of them."
        if not case.is_split:
            remedy = "Keep one, or split by groups (--split-by group:PATTERN), or they leak to val."
        looks = (look for pair in within for look in pair)
        yield Finding("warning", "doubled images", _first(text, within), remedy, _images(looks))


def _one_value(case: Case) -> Iterator[Finding]:
    if case.labels is None or not case.masks:
        return
    total = case.pixels.sum(axis=1)
    void = [look for (look, mask), n in zip(case.masks, total, strict=True) if not n]
    single = [look for look, mask in case.masks if len(mask.pixels) == 1 and look not in void]
    if void:
        text = f"{void[0].pair.mask} holds nothing but void."
        remedy = "Label it, or take the pair out: nothing is learned from it."
        severity = "error" if len(void) == len(case.masks) else "warning"
        yield Finding(severity, "void masks", _first(text, void), remedy, _masks(void))
    if single:
        text = f"{single[0].pair.mask} holds one class alone, over the whole image."
        remedy = "Check that such masks are meant so (images without an object)."
        severity = "error" if len(single) == len(case.masks) else "warning"
        yield Finding(severity, "masks of one value", _first(text, single), remedy, _masks(single))


def _classes_of_splits(case: Case) -> Iterator[Finding]:
    if case.labels is None:
        return
    counts = {
        split: sum(
            (row for (look, _), row in zip(case.masks, case.pixels, strict=True)
             if look.split == split),
            np.zeros(len(case.labels), np.int64),
        )
        for split in case.layout.splits
    }  # fmt: skip
    names = np.array(case.labels.names)
    nowhere = sum(counts.values()) == 0
    if nowhere.any():
        text = f"No mask holds {_named(names[nowhere])}."
        remedy = f"Take such classes out of {case.path}, or add images of them."
        yield Finding("warning", "classes without pixels", text, remedy)
    for split in sorted(set(counts) & {"val", "test"}):
        if "train" not in counts:
            continue
        missing = (counts["train"] > 0) & (counts[split] == 0)
        if missing.any():
            text = f"{split} holds no pixel of {_named(names[missing])}, train does."
            remedy = f"Their score cannot be known; move some images with them to {split}."
            yield Finding("warning", f"classes missing in {split}", text, remedy)
        unlearned = (counts["train"] == 0) & (counts[split] > 0)
        if unlearned.any():
            text = f"{split} holds {_named(names[unlearned])}, which train does not."
            remedy = "They cannot be learned; move images with them to train."
            yield Finding("warning", "classes missing in train", text, remedy)


def _imbalance(case: Case) -> Iterator[Finding]:
    if case.labels is None or not case.pixels.sum():
        return
    share = case.pixels.sum(axis=0) / case.pixels.sum()
    rare = (share > 0) & (share < RARE)
    if rare.any():
        parts = [
            f"{name} ({part:.2%})"
            for name, part, is_rare in zip(case.labels.names, share, rare, strict=True)
            if is_rare
        ]
        text = f"Rare classes, by their part of the pixels: {', '.join(parts)}."
        remedy = "Train with --loss ce+dice, or with --class-weights enet."
        yield Finding("warning", "imbalance", text, remedy)


def _specks(case: Case) -> Iterator[Finding]:
    if case.labels is None:
        return
    regions, specks = (np.zeros(len(case.labels), np.int64) for _ in range(2))
    for _, mask in case.masks:
        for value, (all_, tiny) in mask.regions.items():
            index = case.meaning.get(value)
            if index is not None and index < len(regions):
                regions[index] += all_
                specks[index] += tiny
    noisy = (regions >= 20) & (specks > regions / 2)
    if noisy.any():
        names = np.array(case.labels.names)[noisy]
        text = f"Most regions of {_named(names)} have up to 4 pixels."
        remedy = "Look for noise in the masks (kseg data show); remove specks where they are."
        yield Finding("warning", "tiny regions", text, remedy)


def _sizes_vary(case: Case) -> Iterator[Finding]:
    areas = [image.size[0] * image.size[1] for _, image in case.images]
    if areas and max(areas) > 4 * min(areas):
        smallest, largest = (
            min(case.images, key=lambda entry: entry[1].size[0] * entry[1].size[1] * sign)[1].size
            for sign in (1, -1)
        )
        text = f"Images vary in size, from {_size(smallest)} to {_size(largest)} (height x width)."
        remedy = "Nothing must be done: images are cropped in training; --max-side bounds them."
        yield Finding("note", "sizes vary", text, remedy)


CHECKS = (
    _unreadable,
    _layout,
    _no_train,
    _classes_unknown,
    _black_and_white,
    _black_and_white_in_part,
    _strange_values,
    _rotation,
    _sizes_differ,
    _dark,
    _one_mask_for_many,
    _leaks,
    _one_value,
    _classes_of_splits,
    _imbalance,
    _specks,
    _passed_over,
    _sizes_vary,
)


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


def _first(text: str, faults: Sequence) -> str:
    """Add to a sentence on the first of several faults how many more there are."""
    return text if len(faults) == 1 else f"{text} {len(faults) - 1} more like this."


def _is_text(found: object) -> bool:
    return isinstance(found, str)


def _share(values: dict, mask: MaskLook) -> float:
    return sum(values.values()) / sum(mask.pixels.values())


def _images(looks: Iterable[Look]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(look.pair.image) for look in looks))


def _masks(looks: Iterable[Look]) -> tuple[str, ...]:
    return tuple(str(look.pair.mask) for look in looks)


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
