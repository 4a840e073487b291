"""`kseg.predict`: images, in files or arrays, to masks."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kseg import machine
from kseg.data.reading import files
from kseg.errors import ArgumentError, KsegError
from kseg.inference.decision import decide
from kseg.labels import Labels
from kseg.plots.overlays import overlay
from kseg.runs.finding import open_run
from kseg.runs.run import Run
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.inference import Predictor

Given = str | Path | np.ndarray


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says about an image.

    Attributes:
        source: The image's file, or the array that was given.
        mask: Class indices, uint8, `(height, width)`; `None` where the file cannot be read.
        areas: Part of the image per class, in (0, 1]; classes that do not occur are left out.
        probabilities: Float32 `(height, width, classes)`, if they were asked for.
        error: Why the file cannot be read; `None` where it can.
        written: The files that were written: the mask as a palette PNG, and the image tinted by it.
    """

    source: Path | np.ndarray = field(repr=False)
    mask: np.ndarray | None = field(default=None, repr=False)
    areas: dict[str, float] | None = None
    probabilities: np.ndarray | None = field(default=None, repr=False)
    error: KsegError | None = None
    written: tuple[Path, ...] = ()


def predict(
    run: Run | str | Path | None,
    images: Given | Iterable[Given],
    *,
    out: str | Path | None = None,
    probabilities: bool = False,
    flip: bool = False,
    device: str | None = None,
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> Iterator[Prediction]:
    """Predict the masks of images, one after the other: memory does not grow with their number.

    Each image is predicted, and written, when it is asked for: go through what is returned.

    Args:
        run: A run, its name or its path; `None` for the newest.
        images: Files, folders (all images in them), patterns such as "*.jpg", and arrays, uint8 or
            float in 0..255, `(height, width, channels)`; one of them or any number. A sequence is
            looked through before the first image is predicted, and a file that it names twice is
            taken once; an iterator is taken as it comes.
        out: Folder for the results, made if it is missing: a mask and an overlay per image, in the
            folders that the image lies in, from the working folder on: `out/a/b/NAME_mask.png`.
            `None` writes nothing.
        probabilities: Whether to keep the probabilities of all classes.
        flip: Whether to average the answers for an image and for its mirror image, in twice the
            time.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Yields:
        A `Prediction` per image, in order. One that cannot be read has its `error` set.

    Raises:
        KsegError: There is no such run or image, an array is no image, or `out` is a folder of the
            images, where a result could replace one of them.
        OSError: The results cannot be written.

    Example:
        >>> array = np.zeros((40, 48, 3), np.uint8)
        >>> for found in kseg.predict("unetpp-my_data", ["photo.jpg", array]):
        ...     print(found.mask.shape, found.areas)
        (20, 30) {...}
        (40, 48) {...}
    """
    watch = watching(progress)
    target = Path(out) if out is not None else None
    sources = _sources(images)
    if isinstance(sources, list):
        _keep_apart(sources, target)
    opened = open_run(run, runs)
    watch.starts(machine.device(device))
    with machine.computing_on(device):
        predictor = opened.predictor(flip)
    watch.opened(opened, "")
    return _predicted(opened, predictor, sources, target, probabilities, device, watch)


def _predicted(
    run: Run,
    predictor: "Predictor",
    sources: Iterable[Path | np.ndarray],
    out: Path | None,
    keep: bool,
    device: str | None,
    watch: Watch,
) -> Iterator[Prediction]:
    labels, channels = run.labels, run.recipe.data.channels
    total = len(sources) if isinstance(sources, list) else None
    names = _Names()
    with watch.counting("predicting", total) as on_image:
        for source in sources:
            if total is None:
                _keep_apart([source], out)
            try:
                image = (
                    files.read_image(source, channels=channels)
                    if isinstance(source, Path)
                    else _checked(source, channels)
                )
            except ArgumentError:
                raise
            except KsegError as error:
                yield Prediction(source, error=error)
                on_image()
                continue
            with machine.computing_on(device):
                said = next(iter(predictor.probabilities([image])))
            mask, _ = decide(said)
            written: tuple[Path, ...] = ()
            if out is not None:
                folder = _place(out, source.parent) if isinstance(source, Path) else out
                written = _write(folder / names.of(source), image, mask, labels)
            kept = said.array() if keep else None
            yield Prediction(source, mask, _areas(mask, labels), kept, written=written)
            on_image()


def _sources(images: Given | Iterable[Given]) -> Iterable[Path | np.ndarray]:
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
        found = sorted(one for one in path.iterdir() if _is_image(one))
    elif os.path.lexists(path):
        found = [path]
    else:
        anchor = Path(path.anchor)
        found = sorted(anchor.glob(str(path.relative_to(anchor))))
    if not found:
        reason = "holds no image" if path.is_dir() else "does not exist"
        raise KsegError(f"{name} {reason}. Give image files, folders or patterns.")
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in files.IMAGE_SUFFIXES


def _keep_apart(sources: Iterable[Path | np.ndarray], out: Path | None) -> None:
    """Refuse to write results among the images."""
    if out is None:
        return
    given = {source.absolute().parent for source in sources if isinstance(source, Path)}
    read = {os.path.realpath(folder) for folder in given}
    written = {os.path.realpath(folder) for one in given for folder in (out, _place(out, one))}
    if read & written:
        raise KsegError(
            f"{out} would hold results among the images to predict. Choose another folder by out=."
        )


def _place(out: Path, folder: Path) -> Path:
    """Return the folder for the results of a folder's images: `out`, and below it that folder.

    So results of two images never have one place, in one prediction or in two. Folders count from
    the working folder, or from the root where they lie elsewhere.
    """
    folder = Path(os.path.normpath(folder.absolute()))
    start = Path.cwd() if folder.is_relative_to(Path.cwd()) else folder.anchor
    return out / folder.relative_to(start)


def _checked(image: np.ndarray, channels: int) -> np.ndarray:
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


class _Names:
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
            beside = (other for other in source.parent.iterdir() if _is_image(other))
            self._stems[source.parent] = Counter(other.stem for other in beside)
        return source.name if self._stems[source.parent][source.stem] > 1 else source.stem


def _write(target: Path, image: np.ndarray, mask: np.ndarray, labels: Labels) -> tuple[Path, Path]:
    """Write a mask and an overlay; return where."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mask_path = target.with_name(f"{target.name}_mask.png")
    overlay_path = target.with_name(f"{target.name}_overlay.png")
    files.write_mask(mask_path, mask, labels)
    files.write_image(overlay_path, overlay(image, mask, labels))
    return mask_path, overlay_path


def _areas(mask: np.ndarray, labels: Labels) -> dict[str, float]:
    counts = np.bincount(mask.ravel(), minlength=len(labels))
    shares = zip(labels.names, (counts / mask.size).tolist(), strict=True)
    return {name: share for name, share in shares if share > 0}
