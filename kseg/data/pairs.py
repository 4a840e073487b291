"""Which mask belongs to which image: the ways in which people lay out their files.

Splits in folders of that name, or one folder that is to be split; in it `images/` and `masks/`, or
masks beside their images; or a list of paths, with or without their split.
"""

import csv
import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kseg.data import files

SPLITS = ("train", "val", "test")
LISTS = (".csv", ".tsv", ".txt")
MASK_SUFFIX = "_mask"


class Pair(NamedTuple):
    """An image, its mask, and what names both to a person."""

    name: str
    image: Path
    mask: Path


class Fault(NamedTuple):
    """A file that does not fit into the layout: what kind of fault, and a sentence on it."""

    kind: str
    path: Path
    text: str


@dataclass(frozen=True)
class Layout:
    """The pairs of a data set.

    Attributes:
        splits: Pairs of "train", "val", "test", each sorted by name, as far as the data is split;
            of "all" where it is not.
        faults: Files that have no partner, or too many.
        note: How the files are laid out, for the user to check.
    """

    splits: dict[str, tuple[Pair, ...]]
    faults: tuple[Fault, ...]
    note: str

    def checked(self) -> "Layout":
        """Return the layout itself if every file fits into it.

        Raises:
            ValueError: A file does not; the message names the first.
        """
        if self.faults:
            more = len(self.faults) - 1
            others = f" {more} more files do not fit." if more else ""
            raise ValueError(self.faults[0].text + others)
        return self


def find_pairs(data: Path | str, mask_suffix: str = MASK_SUFFIX) -> Layout:
    """Find the pairs of a folder or a list file.

    Args:
        data: A folder, or a `.csv`, `.tsv` or `.txt` file that lists an image and its mask a line,
            and their split where it likes to.
        mask_suffix: What a mask's stem has more than its image's where both lie in one folder.

    Raises:
        ValueError: There is no pair.
    """
    data = Path(data)
    if data.is_file():
        return _read_list(data)
    folders = {name: data / name for name in SPLITS if (data / name).is_dir()}
    if not folders or (data / "images").is_dir():
        folders = {"all": data}
    splits, faults, kinds = {}, [], []
    for name, folder in folders.items():
        splits[name], found, kind = _in_folder(folder, mask_suffix)
        faults += found
        kinds.append(kind)
    kind = " and ".join(dict.fromkeys(kinds))
    note = f"{', '.join(folders)}: {kind}" if "all" not in folders else f"one folder: {kind}"
    return Layout(splits, tuple(faults), note)


def _in_folder(folder: Path, mask_suffix: str) -> tuple[tuple[Pair, ...], list[Fault], str]:
    """Return the pairs of one folder, its faults, and how they are laid out."""
    if (folder / "images").is_dir() or (folder / "masks").is_dir():
        for part in ("images", "masks"):
            if not (folder / part).is_dir():
                raise _missing(folder / part)
        images, faults = _by_stem(_walk(folder / "images"), folder / "images", "")
        masks, more = _by_stem(_walk(folder / "masks"), folder / "masks", "")
        more += [_no_mask(path) for path in masks.values() if not _can_be_mask(path)]
        kind = "images/ and masks/ by stem"
        wanted = folder / "images", folder / "masks", ""
    else:
        paths = list(_walk(folder))
        is_mask = {path: path.stem.endswith(mask_suffix) for path in paths}
        if not any(is_mask.values()):
            raise _missing(folder / "images")
        images, faults = _by_stem((p for p in paths if not is_mask[p]), folder, "")
        masks, more = _by_stem((p for p in paths if is_mask[p]), folder, mask_suffix)
        more += [_no_mask(path) for path in masks.values() if not _can_be_mask(path)]
        kind = f"masks beside their images, ending in {mask_suffix}"
        wanted = folder, folder, mask_suffix
    for found, where in ((images, wanted[0]), (masks, wanted[1])):
        if not found:
            raise ValueError(
                f"{where} holds no file that ends in {', '.join(files.IMAGE_SUFFIXES)}."
            )
    faults += more
    for stem in sorted(images.keys() ^ masks.keys()):
        if stem in images:
            path, partner = images[stem], f"a mask {wanted[1] / stem}{wanted[2]}.png"
        else:
            path, partner = masks[stem], f"an image {wanted[0] / stem}.jpg or .png"
        text = f"{path} has no partner: expected {partner}. Add it or move it away."
        faults.append(Fault("alone", path, text))
    both = sorted(stem for stem in images.keys() & masks.keys() if _can_be_mask(masks[stem]))
    return tuple(Pair(stem, images[stem], masks[stem]) for stem in both), faults, kind


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder in the order of their names, links followed, once each."""
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and path.suffix.lower() in files.IMAGE_SUFFIXES:
                yield path


def _by_stem(
    paths: Iterable[Path], folder: Path, ending: str
) -> tuple[dict[str, Path], list[Fault]]:
    """Key files by their path in `folder` without suffix and `ending`; name those of one key."""
    found: dict[str, Path] = {}
    faults = []
    for path in paths:
        stem = path.relative_to(folder).with_suffix("").as_posix().removesuffix(ending)
        stem = unicodedata.normalize("NFC", stem)  # one name, however the disk spells its accents
        if stem in found:
            text = f"{path} and {found[stem]} have one stem. Rename or move one of them."
            faults.append(Fault("doubled", path, text))
        else:
            found[stem] = path
    return found, faults


def _can_be_mask(path: Path) -> bool:
    return path.suffix.lower() in files.MASK_SUFFIXES


def _no_mask(path: Path) -> Fault:
    text = (
        f"{path} cannot be a mask: {path.suffix} changes class indices. "
        f"Masks must be one of {', '.join(files.MASK_SUFFIXES)}."
    )
    return Fault("no mask", path, text)


def _missing(folder: Path) -> ValueError:
    return ValueError(
        f"{folder} is missing. A data folder holds images/ and masks/, or train/, and val/ and "
        f"test/ if you have them, each with images/ and masks/; or masks beside their images, such "
        f"as 1.jpg and 1{MASK_SUFFIX}.png."
    )


def _read_list(path: Path) -> Layout:
    """Read a list of pairs, whose paths are relative to the list's folder."""
    if path.suffix.lower() not in LISTS:
        raise ValueError(
            f"{path} is no list of pairs: expected a folder, or a file that ends in "
            f"{', '.join(LISTS)} and holds an image, its mask and, if you like, their split a line."
        )
    splits: dict[str, dict[str, Pair]] = {}
    faults = []
    seen = set()
    for line, (image, mask, *split) in _rows(path):
        name = split[0].strip().lower() if split else "all"
        if split and name not in SPLITS:
            raise ValueError(
                f"{path}, line {line}: the split '{split[0]}' is none of {', '.join(SPLITS)}."
            )
        pair = Pair(Path(image).with_suffix("").as_posix(), path.parent / image, path.parent / mask)
        missing = [file for file in pair[1:] if not file.is_file()]
        if missing:
            text = f"{path}, line {line}: {missing[0]} does not exist."
            faults.append(Fault("alone", missing[0], text))
        elif not _can_be_mask(pair.mask):
            faults.append(_no_mask(pair.mask))
        elif pair.image in seen:
            text = f"{path}, line {line}: {pair.image} stands there twice. Remove one of the lines."
            faults.append(Fault("doubled", pair.image, text))
        else:
            splits.setdefault(name, {})[pair.name] = pair
        seen.add(pair.image)
    if "all" in splits and len(splits) > 1:
        raise ValueError(f"{path} names the split of some pairs only. Name it of all or of none.")
    if not splits and not faults:
        raise ValueError(f"{path} lists no pair: expected lines such as images/1.jpg,masks/1.png.")
    ordered = {
        name: tuple(splits[name][key] for key in sorted(splits[name]))
        for name in ("all", *SPLITS)
        if name in splits
    }
    return Layout(ordered, tuple(faults), f"pairs listed in {path}")


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the two or three cells of each line, without a header."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text in UTF-8: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        delimiter = next((mark for mark in "\t;," if mark in line), None)
        cells = next(csv.reader([line], delimiter=delimiter)) if delimiter else line.split()
        cells = [cell.strip() for cell in cells]
        if [cell.lower() for cell in cells[:2]] == ["image", "mask"]:
            continue
        if not 2 <= len(cells) <= 3:
            raise ValueError(
                f"{path}, line {number}: expected an image, its mask and, if you like, their "
                f"split, separated by commas or tabs. Received: {line.strip()!r}."
            )
        yield number, [cell for cell in cells if cell]
