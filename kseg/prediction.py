"""Image files to mask files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kseg.data.reading import files
from kseg.errors import KsegError
from kseg.inference.predictor import Predictor
from kseg.labels import Labels
from kseg.plots.overlays import overlay


@dataclass(frozen=True)
class Prediction:
    """What was written for an image.

    Attributes:
        mask: Palette PNG of class indices.
        overlay: The image, tinted by the mask.
        areas: Part of the image a class, in (0, 1]; classes that do not occur are left out.
    """

    mask: Path
    overlay: Path
    areas: dict[str, float]


def find_images(names: Sequence[str]) -> list[Path]:
    """Turn files, folders and patterns into image files, each once, in the order given.

    Raises:
        KsegError: A name leads to no file.
    """
    found: dict[Path, Path] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            matches = sorted(p for p in path.iterdir() if p.suffix.lower() in files.IMAGE_SUFFIXES)
        elif path.exists():
            matches = [path]
        else:
            anchor = Path(path.anchor)
            matches = sorted(anchor.glob(str(path.relative_to(anchor))))
        if not matches:
            reason = "holds no image" if path.is_dir() else "does not exist"
            raise KsegError(f"{name} {reason}. Give image files, folders or patterns.")
        for match in matches:
            found.setdefault(match.resolve(), match)
    return list(found.values())


def predict_files(
    paths: Sequence[Path], predictor: Predictor, labels: Labels, out: Path
) -> Iterator[tuple[Path, Prediction | ValueError]]:
    """Predict files one by one, and write a mask and an overlay for each.

    Args:
        paths: Image files.
        predictor: Predicts masks.
        labels: Classes and colours.
        out: Folder for the results, made if it is missing.

    Yields:
        Each path with its prediction, or with the error that says why it could not be read.

    Raises:
        KsegError: `out` is a folder of the images, where a result could replace one of them.
        OSError: The results cannot be written.
    """
    if out.resolve() in {path.resolve().parent for path in paths}:
        raise KsegError(f"{out} holds images to predict. Choose another folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    names = _names(paths)
    for path in paths:
        try:
            image = files.read_image(path)
        except ValueError as error:
            yield path, error
            continue
        mask = predictor.predict([image])[0]
        target = out / names[path]
        prediction = Prediction(
            target.with_name(f"{target.name}_mask.png"),
            target.with_name(f"{target.name}_overlay.png"),
            _areas(mask, labels),
        )
        files.write_mask(prediction.mask, mask, labels)
        files.write_image(prediction.overlay, overlay(image, mask, labels))
        yield path, prediction


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Name results by their image's stem; number those whose stem another image bears too."""
    names: dict[Path, str] = {}
    for path in paths:
        number, name = 1, path.stem
        while name in names.values():
            number += 1
            name = f"{path.stem}_{number}"
        names[path] = name
    return names


def _areas(mask: np.ndarray, labels: Labels) -> dict[str, float]:
    counts = np.bincount(mask.ravel(), minlength=len(labels))
    shares = zip(labels.names, (counts / mask.size).tolist(), strict=True)
    return {name: share for name, share in shares if share > 0}
