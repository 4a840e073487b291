"""What `kseg.predict` is given: files, folders, patterns and arrays."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kseg.data.reading import files
from kseg.errors import ArgumentError, KsegError

Given = str | Path | np.ndarray


def listed(images: Given | Iterable[Given]) -> Iterable[Path | np.ndarray]:
    """Return files and arrays: a list of a sequence, a generator of any other iterable."""
    if isinstance(images, str | Path):
        images = [images]
    elif getattr(images, "ndim", 4) < 4:
        images = [np.asarray(images)]
    if not isinstance(images, Sequence):
        return _as_they_come(images)
    seen: set[str] = set()
    found = []
    for source in _as_they_come(images):
        key = os.path.realpath(source) if isinstance(source, Path) else None
        if key is None or key not in seen:
            found.append(source)
        seen |= {key} if key else set()
    return found


def _as_they_come(images: Iterable[Given]) -> Iterator[Path | np.ndarray]:
    for image in images:
        if isinstance(image, str | Path):
            yield from _matches(image)
        else:
            yield np.asarray(image)


def _matches(name: str | Path) -> list[Path]:
    """Return the image files that a file, a folder or a pattern names."""
    path = Path(name)
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if is_image(one))
    elif os.path.lexists(path):
        found = [path]
    else:
        anchor = Path(path.anchor)
        try:
            found = sorted(anchor.glob(str(path.relative_to(anchor))))
        except ValueError as error:
            raise KsegError(f"{name} is no pattern ({error}). Give one such as '*.jpg'.") from None
    if not found:
        reason = "holds no image" if path.is_dir() else "does not exist"
        raise KsegError(f"{name} {reason}. Give image files, folders or patterns.")
    return found


def is_image(path: Path) -> bool:
    """Tell whether a file's name is that of an image."""
    return path.suffix.lower() in files.IMAGE_SUFFIXES


def keep_apart(sources: Iterable[Path | np.ndarray], out: Path | None) -> None:
    """Refuse to write results among the images, or those of two folders to one place."""
    if out is None:
        return
    given = {source.absolute().parent for source in sources if isinstance(source, Path)}
    read = {os.path.realpath(folder) for folder in given}
    written = {os.path.realpath(folder) for one in given for folder in (out, place(out, one))}
    if read & written:
        raise KsegError(
            f"{out} would hold results among the images to predict. Choose another folder by out=."
        )
    taken: dict[Path, Path] = {}
    for folder in given:
        other = taken.setdefault(place(out, folder), folder)
        if os.path.realpath(other) != os.path.realpath(folder):
            raise KsegError(
                f"{place(out, folder)} would hold the results of {folder} and of {other}. Predict "
                "one after the other, to two folders by out=."
            )


def checked(image: np.ndarray, channels: int) -> np.ndarray:
    """Return an array as an image if it is one.

    Raises:
        ArgumentError: It is none.
    """
    if channels == 1 and image.ndim == 2:
        image = image[..., None]
    is_shaped = image.ndim == 3 and image.shape[-1] == channels and image.size > 0
    is_whole = image.dtype == np.uint8
    if not is_shaped or not (is_whole or np.issubdtype(image.dtype, np.floating)):
        raise ArgumentError(
            f"An array must be an image (height, width, {channels}), uint8, or float in 0..255. "
            f"Received {image.dtype} {image.shape}."
        )
    if not is_whole and not (image.min() >= 0 and image.max() <= 255):
        raise ArgumentError("An image must hold values in 0..255, no NaN. Multiply or clip it.")
    if not is_whole and 0 < image.max() <= 1:
        raise ArgumentError("An image must hold values in 0..255. Received 0..1: multiply by 255.")
    return image


def place(out: Path, folder: Path) -> Path:
    """Return the folder for the results of a folder's images: `out`, and below it that folder.

    Folders count from the working folder, or from the root where they lie elsewhere.
    """
    folder = Path(os.path.normpath(folder.absolute()))
    start = Path.cwd() if folder.is_relative_to(Path.cwd()) else folder.anchor
    return out / folder.relative_to(start)


class Names:
    """Names the results of images, so that no two have one."""

    def __init__(self) -> None:
        self._stems: dict[Path, Counter[str]] = {}
        self._arrays = 0

    def of(self, source: Path | np.ndarray) -> str:
        """Return a stem, or the whole name where another image beside it has that stem."""
        if not isinstance(source, Path):
            self._arrays += 1
            return f"array_{self._arrays}"
        if source.parent not in self._stems:
            beside = (other for other in source.parent.iterdir() if is_image(other))
            self._stems[source.parent] = Counter(other.stem for other in beside)
        return source.name if self._stems[source.parent][source.stem] > 1 else source.stem
