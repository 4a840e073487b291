"""Which mask belongs to which image: the ways in which people lay out their files.

Splits in folders of that name, or one folder that is to be split; in it `images/` and `masks/`, or
masks beside their images; or a list of paths, with or without their split.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kseg.data.reading import files
from kseg.data.reading.layout import (
    FOLDERS,
    MASK_SUFFIX,
    SPLITS,
    Fault,
    Layout,
    Pair,
    can_be_mask,
    no_mask,
)
from kseg.data.reading.lists import read_list
from kseg.errors import KsegError

NOTES = (".json", ".txt", ".csv", ".tsv", ".md", ".yaml", ".yml")
"""Files that may lie beside images without a word."""


def find_pairs(data: Path | str, mask_suffix: str = MASK_SUFFIX) -> Layout:
    """Find the pairs of a folder or a list file.

    Args:
        data: A folder, or a `.csv`, `.tsv` or `.txt` file of an image and its mask per line, and
            their split if there is one.
        mask_suffix: What a mask's stem has more than its image's where they do not bear one name.

    Raises:
        KsegError: There is no pair, or it cannot be told which folders are meant.

    Example:
        >>> found = kseg.data.find_pairs("my_data")
        >>> {name: len(pairs) for name, pairs in found.splits.items()}
        {'train': 6, 'val': 3, 'test': 2}
    """
    data = Path(data)
    if data.is_file():
        return read_list(data)
    folders, others = _split_folders(data)
    parts = {name: _in_folder(name, folder, mask_suffix) for name, folder in folders.items()}
    faults = tuple(fault for part in parts.values() for fault in part.faults)
    splits = {name: part.pairs for name, part in parts.items() if part.pairs}
    if not splits:
        raise KsegError(faults[0].text)
    kind = " and ".join(dict.fromkeys(part.kind for part in parts.values() if part.pairs))
    where = "one folder" if "all" in folders else ", ".join(splits)
    others += [path for part in parts.values() for path in part.others]
    return Layout(data, splits, faults, f"{where}: {kind}", tuple(others))


def keep_apart(data: Path, out: Path) -> None:
    """Refuse to write the copy of a data set into it, or around it.

    Raises:
        KsegError: One folder is the other, or lies in it.
    """
    root = (data if data.is_dir() else data.parent).resolve()
    target = out.resolve()
    if data.is_dir() and (target.is_relative_to(root) or root.is_relative_to(target)):
        raise KsegError(f"{out} and {data} lie in each other. Write into a folder of its own.")
    if target == root:
        raise KsegError(f"{out} holds {data}. Write into a folder of its own.")


class _Part(NamedTuple):
    """What one folder holds."""

    pairs: tuple[Pair, ...]
    faults: list[Fault]
    kind: str
    others: list[Path]


def _split_folders(data: Path) -> tuple[dict[str, Path], list[Path]]:
    """Return the folders of the splits, or of all, and what else lies beside them."""
    children = sorted(path for path in data.iterdir() if not path.name.startswith("."))
    folders: dict[str, Path] = {}
    others = []
    for child in children:
        name = FOLDERS.get(child.name.lower()) if child.is_dir() else None
        if name in folders:
            raise KsegError(f"{child} and {folders[name]} are both {name}. Keep one of them.")
        if name:
            folders[name] = child
        elif child.is_dir() and next(_walk(child), None):
            others.append(child)
    if not folders:
        parts = ("images", "masks")
        if not any(_part(data, part).is_dir() for part in parts):
            return {"all": data}, []
        own = [child for child in children if child.is_dir() and child.name.lower() in parts]
        return {"all": data}, [path for path in others if path not in own]
    for part in ("images", "masks"):
        if _part(data, part).is_dir():
            raise KsegError(
                f"{data} holds {part}/ and also {next(iter(folders.values())).name}/: it cannot be "
                "told which are meant. Move one of them away."
            )
    return {name: folders[name] for name in SPLITS if name in folders}, others


def _in_folder(split: str, folder: Path, mask_suffix: str) -> _Part:
    """Find the pairs of one folder."""
    image_folder, mask_folder = _part(folder, "images"), _part(folder, "masks")
    if image_folder.is_dir() or mask_folder.is_dir():
        missing = [part for part in (image_folder, mask_folder) if not part.is_dir()]
        if missing:
            return _Part((), [_missing(split, missing[0])], "", [])
        image_paths, others = _sorted_out(image_folder)
        mask_paths, more = _sorted_out(mask_folder)
        others += more
        others += [path for path in folder.iterdir() if _is_image(path)]
        images, faults = _by_stem(split, image_paths, image_folder, "")
        masks, found = _by_stem(split, mask_paths, mask_folder, "")
        masks = {_own_name(stem, images, mask_suffix): path for stem, path in masks.items()}
        kind, ending = "images/ and masks/ by stem", ""
    else:
        image_folder = mask_folder = folder
        paths, others = _sorted_out(folder)
        others = [path for path in others if path.suffix.lower() not in NOTES]
        is_mask = {path: path.stem.endswith(mask_suffix) for path in paths}
        if not any(is_mask.values()):
            return _Part((), [_missing(split, folder / "images")], "", [])
        images, faults = _by_stem(split, (p for p in paths if not is_mask[p]), folder, "")
        masks, found = _by_stem(split, (p for p in paths if is_mask[p]), folder, mask_suffix)
        kind, ending = f"masks beside their images, ending in {mask_suffix}", mask_suffix
    faults += found
    for part, where in ((images, image_folder), (masks, mask_folder)):
        if not part:
            text = f"{where} holds no file that ends in {', '.join(files.IMAGE_SUFFIXES)}."
            return _Part((), [Fault("incomplete", split, where, text)], "", others)
    for stem in sorted(images.keys() ^ masks.keys()):
        if stem in images:
            path, partner = images[stem], f"a mask {mask_folder / stem}{ending}.png"
        else:
            path, partner = masks[stem], f"an image {image_folder / stem}.jpg or .png"
        text = f"{path} has no partner: expected {partner}. Add it or move it away."
        faults.append(Fault("alone", split, path, text))
    faults += [no_mask(split, path) for path in masks.values() if not can_be_mask(path)]
    both = sorted(stem for stem in images.keys() & masks.keys() if can_be_mask(masks[stem]))
    pairs = tuple(Pair(stem, images[stem], masks[stem]) for stem in both)
    return _Part(pairs, faults, kind, others)


def _part(folder: Path, name: str) -> Path:
    """Return a folder's `images` or `masks`, in whatever case it is written."""
    alike = [path for path in folder.iterdir() if path.name.lower() == name and path.is_dir()]
    if len(alike) > 1:
        raise KsegError(f"{alike[0]} and {alike[1]} differ in case alone. Keep one of them.")
    return alike[0] if alike else folder / name


def _own_name(stem: str, images: dict[str, Path], mask_suffix: str) -> str:
    """Return the name of a mask's image where the mask's own ends in the suffix."""
    shorter = stem.removesuffix(mask_suffix)
    return shorter if stem not in images and shorter in images else stem


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder in the order of their names."""
    return (path for path in _files_below(folder) if _is_image(path))


def _is_image(path: Path) -> bool:
    """Tell by its suffix whether a file is an image."""
    return path.suffix.lower() in files.IMAGE_SUFFIXES


def _sorted_out(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images below a folder, and the files of other kinds."""
    paths = list(_files_below(folder))
    return list(_walk(folder)), [p for p in paths if not _is_image(p)]


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden, links followed, each folder once."""
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(here, name) for name in sorted(names) if not name.startswith("."))


def _by_stem(
    split: str, paths: Iterable[Path], folder: Path, ending: str
) -> tuple[dict[str, Path], list[Fault]]:
    """Key files by their path in `folder` without suffix and `ending`; name those of one key."""
    found: dict[str, Path] = {}
    faults = []
    for path in paths:
        stem = path.relative_to(folder).with_suffix("").as_posix().removesuffix(ending)
        stem = unicodedata.normalize("NFC", stem)  # one name, however the disk spells its accents
        if stem in found:
            text = f"{path} and {found[stem]} have one stem. Rename or move one of them."
            faults.append(Fault("doubled", split, path, text))
        else:
            found[stem] = path
    return found, faults


def _missing(split: str, folder: Path) -> Fault:
    text = (
        f"{folder} is missing. A data folder holds images/ and masks/, or train/, and val/ and "
        f"test/ if you have them, each with images/ and masks/; or masks beside their images, such "
        f"as 1.jpg and 1{MASK_SUFFIX}.png."
    )
    return Fault("incomplete", split, folder, text)
