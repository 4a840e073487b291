"""What the page answers: an image, how it is predicted, and how that is drawn and written."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kseg import _files, machine
from kseg.data.reading import files
from kseg.errors import KsegError
from kseg.inference import Decided, Predictor, decide
from kseg.labels import Labels
from kseg.plots.overlays import as_rgb, overlay
from kseg.reports.regions import geojson, regions_of
from kseg.runs.run import Run

MOST_BYTES = 50 * 2**20
"""Of a file."""
MOST_PIXELS = 40_000_000
WHOLE = "whole"
"""What the network with all its levels is called."""
NONE = "none"
HELD = 4
"""So many networks are held ready."""


@dataclass(frozen=True)
class Choice:
    """How an image is predicted.

    Attributes:
        run: Name of the run.
        level: `WHOLE`, or a level of a network of several heads.
        tta: `NONE`, or views of the image whose answers are averaged.
        engine: What runs the network.
    """

    run: str
    level: str = WHOLE
    tta: str = NONE
    engine: str = "keras"


@dataclass(frozen=True)
class Answer:
    """What is said of an image.

    Attributes:
        name: The image's name, without folder and ending.
        image: Its pixels, uint8 `(H, W, channels)`.
        found: Mask, confidence and doubt.
        labels: The classes.
    """

    name: str
    image: np.ndarray
    found: Decided
    labels: Labels

    @property
    def areas(self) -> list[tuple[str, float, float]]:
        """Name, part of the image and mean confidence of each class that is there, large first."""
        mask = self.found.mask.ravel()
        count = np.bincount(mask, minlength=len(self.labels))
        sure = np.bincount(mask, self.found.confidence.ravel(), minlength=len(self.labels))
        rows = [
            (name, float(count[index] / mask.size), float(sure[index] / count[index]))
            for index, name in enumerate(self.labels.names)
            if count[index]
        ]
        return sorted(rows, key=lambda row: -row[1])

    def regions(self) -> list[tuple[np.ndarray, str]]:
        """Return a mask and a name per class that is there."""
        return [
            (self.found.mask == self.labels.names.index(name), name) for name, _, _ in self.areas
        ]

    def drawn(self, alpha: float, *, contours: bool) -> np.ndarray:
        """Return the image with the mask over it, uint8 RGB."""
        return overlay(self.image, self.found.mask, self.labels, alpha, contours=contours)

    def shown(self) -> np.ndarray:
        """Return what can be shown of the image, uint8 RGB."""
        return as_rgb(self.image)

    def doubt(self) -> np.ndarray:
        """Return where the network is unsure, bright, uint8."""
        return np.round(255 * self.found.doubt).astype(np.uint8)

    def write(self, folder: Path, alpha: float, *, contours: bool) -> list[str]:
        """Write mask, overlay and regions into a folder; return where."""
        folder.mkdir(parents=True, exist_ok=True)
        mask, picture = folder / f"{self.name}_mask.png", folder / f"{self.name}_overlay.png"
        regions = folder / f"{self.name}.geojson"
        files.write_mask(mask, self.found.mask, self.labels, None)
        files.write_image(picture, self.drawn(alpha, contours=contours))
        _files.write_json(regions, geojson(regions_of(self.found.mask, self.labels), self.labels))
        return [str(path) for path in (mask, picture, regions)]


class Answers:
    """Answers of some runs; the networks asked last are held ready.

    Args:
        runs: The runs.
        device: "cpu" or "gpu"; `None` for the GPU where there is one.
    """

    def __init__(self, runs: Sequence[Run], device: str | None = None) -> None:
        names = [run.name for run in runs]
        self.runs: Mapping[str, Run] = {
            run.name if names.count(run.name) == 1 else str(run.path): run for run in runs
        }
        self._device = device
        self._predictor = functools.lru_cache(HELD)(self._opened)

    def levels(self, run: str) -> list[str]:
        """Return the levels of a run's network."""
        found = self.runs[run]
        if not found.heads_file.is_file():
            return [WHOLE]
        from kseg.models.pruning import levels
        from kseg.workflows.prune import open_heads

        return [WHOLE, *map(str, levels(open_heads(found)))]

    def answer(self, path: Path, name: str, choice: Choice) -> Answer:
        """Predict an image.

        Args:
            path: The file.
            name: What the user calls it.
            choice: How.

        Raises:
            KsegError: The file is no image, or too large.
        """
        run = self.runs[choice.run]
        check_size(path, name)
        image = files.read_image(path, channels=run.recipe.data.channels)
        with machine.computing_on(self._device):
            (found,) = self._predictor(choice).probabilities([image])
            return Answer(Path(name).stem, image, decide(found), run.labels)

    def _opened(self, choice: Choice) -> Predictor:
        run = self.runs[choice.run]
        if choice.level != WHOLE:
            if (choice.tta, choice.engine) != (NONE, "keras"):
                raise KsegError("A level answers alone: take no views, and the engine keras.")
            from kseg.models.pruning import prune
            from kseg.workflows.prune import open_heads

            return run.predictor_of(prune(open_heads(run), int(choice.level)))
        return run.predictor(None if choice.tta == NONE else choice.tta, choice.engine)


def check_size(path: Path, name: str) -> None:
    """Refuse a file that is too large, before its pixels are read.

    Raises:
        KsegError: It is, or is no image, or was removed as all uploads are after ten minutes.
    """
    if not path.is_file():
        raise KsegError(f"{name} was removed, some time after it was uploaded: give it again.")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise KsegError(
            f"{name} has {size / 2**20:.0f} MiB: up to {MOST_BYTES // 2**20} are taken."
        )
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        width = height = MOST_PIXELS
    except Exception as error:  # of whatever kind Pillow's formats raise
        raise KsegError(f"{name} is not an image that can be read.") from error
    if width * height > MOST_PIXELS:
        raise KsegError(
            f"{name} has more than {MOST_PIXELS:,} pixels. Make it smaller, or predict it with "
            f"kseg predict {name}."
        )
