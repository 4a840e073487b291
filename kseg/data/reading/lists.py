"""Lists of pairs: per line an image, its mask and, where the user likes to, their split."""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

from kseg.data.reading.layout import FOLDERS, SPLITS, Fault, Layout, Pair, can_be_mask, no_mask
from kseg.errors import KsegError

COMMENT = re.compile(r"\s*#(\s|#|$)")
LISTS = (".csv", ".tsv", ".txt")


def read_list(path: Path) -> Layout:
    """Read a list, whose paths are relative to its own folder.

    Raises:
        KsegError: It is no such list, or lists no pair.
    """
    if path.suffix.lower() not in LISTS:
        raise KsegError(
            f"{path} is no list of pairs: expected a folder, or a file that ends in "
            f"{', '.join(LISTS)} with an image and its mask per line, and their split if you like."
        )
    rows = list(_rows(path))
    if not rows:
        raise KsegError(f"{path} lists no pair: expected lines such as images/1.jpg,masks/1.png.")
    named = {split for _, split, _, _ in rows}
    if "all" in named and len(named) > 1:
        raise KsegError(f"{path} names the split of some pairs only. Name it of all or of none.")
    # Names are paths from the folder that all images have in common: they stay below any other.
    common = Path(os.path.commonpath([image.parent for _, _, image, _ in rows]))
    splits: dict[str, list[Pair]] = {name: [] for name in ("all", *SPLITS)}
    seen: dict[str, Path] = {}
    faults = []
    for line, split, image, mask in rows:
        name = image.relative_to(common).with_suffix("").as_posix()
        missing = [file for file in (image, mask) if not file.is_file()]
        if missing:
            text = f"{path}, line {line}: {missing[0]} does not exist."
            faults.append(Fault("alone", split, missing[0], text))
        elif not can_be_mask(mask):
            faults.append(no_mask(split, mask))
        elif name in seen:
            text = f"{path}, line {line}: {image} and {seen[name]} have one name. Remove one."
            if image == seen[name]:
                text = f"{path}, line {line}: {image} stands there twice. Remove one of the lines."
            faults.append(Fault("doubled", split, image, text))
        else:
            splits[split].append(Pair(name, image, mask))
        seen.setdefault(name, image)
    ordered = {split: tuple(sorted(pairs)) for split, pairs in splits.items() if pairs}
    if not ordered:
        raise KsegError(faults[0].text)
    return Layout(path.parent, ordered, tuple(faults), f"pairs listed in {path}")


def _rows(path: Path) -> Iterator[tuple[int, str, Path, Path]]:
    """Yield number, split, image and mask of each line, the paths absolute."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KsegError(f"{path} is not a text in UTF-8: {error}.") from None
    lines = {
        number: line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not COMMENT.match(line)
    }
    folder = path.parent.absolute()
    for number, line in lines.items():
        cells = _cells(line)
        if number == min(lines) and not any(Path(cell).suffix for cell in cells[:2]):
            if [cell.lower() for cell in cells[:2]] == ["mask", "image"]:
                raise KsegError(f"{path}: the first column must be the image, the second its mask.")
            continue  # the names of the columns
        if not 2 <= len(cells) <= 3 or not cells[0] or not cells[1]:
            raise KsegError(
                f"{path}, line {number}: expected an image, its mask and, if you like, their "
                f"split, separated by commas or tabs. Received: {line.strip()!r}."
            )
        split = (cells[2] if len(cells) == 3 else "").lower() or "all"
        if split != "all" and split not in FOLDERS:
            raise KsegError(
                f"{path}, line {number}: the split '{cells[2]}' is none of {', '.join(SPLITS)}."
            )
        image, mask = (_resolved(folder, cell) for cell in cells[:2])
        if image == mask:
            raise KsegError(f"{path}, line {number}: image and mask are one file, {image}.")
        yield number, FOLDERS.get(split, split), image, mask


def _resolved(folder: Path, cell: str) -> Path:
    """Return a path from a list's folder, also one that was written on Windows."""
    path = Path(os.path.normpath(folder / cell))
    if "\\" in cell and not path.exists():
        return Path(os.path.normpath(folder / cell.replace("\\", "/")))
    return path


def _cells(line: str) -> list[str]:
    """Divide a line at the tabs, semicolons or commas that make two or three cells of it."""
    for delimiter in "\t,;":
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        if len(cells) in (2, 3):
            return [cell.strip() for cell in cells]
    return next(csv.reader([line.strip()], delimiter=" ", skipinitialspace=True))
