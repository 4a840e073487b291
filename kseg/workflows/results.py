"""What a prediction leaves: in memory, and in files that say what they were made from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kseg import _files, _html, machine
from kseg.data.reading import files, strips
from kseg.errors import KsegError
from kseg.inference.cleaning import Cleaning
from kseg.inference.decision import Decided
from kseg.inference.settings import PER_IMAGE
from kseg.labels import Labels
from kseg.plots.overlays import Look
from kseg.reports.regions import geojson, regions_of
from kseg.runs.run import Run
from kseg.workflows.sources import Names, place

SIDE = 640
"""The longer side, at most, of the picture in a notebook."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says about an image.

    Attributes:
        source: The image's file, or the array that was given.
        mask: Class indices, uint8, `(height, width)`; `None` where the file cannot be read, or is
            so large that its mask is written by rows.
        areas: Part of the image per class, in (0, 1]; classes that do not occur are left out.
        uncertainty: How unsure the network is of the image, see `inference.Decided`.
        probabilities: Float32 `(height, width, classes)`, if they were asked for.
        error: Why the file cannot be read; `None` where it can.
        written: The files that were written: the mask as a palette PNG, the image tinted by it, and
            what else was asked for of each image, in that order.
        is_kept: Whether they were there, made from the same image, network and choices.
        labels: The classes; `None` where there is no mask.
    """

    source: Path | np.ndarray = field(repr=False)
    mask: np.ndarray | None = field(default=None, repr=False)
    areas: dict[str, float] | None = None
    uncertainty: float | None = None
    probabilities: np.ndarray | None = field(default=None, repr=False)
    error: KsegError | None = None
    written: tuple[Path, ...] = ()
    is_kept: bool = False
    labels: Labels | None = field(default=None, repr=False)

    def _repr_html_(self) -> str:
        """Show the image with its mask in a notebook, and what it holds."""
        name = str(self.source) if isinstance(self.source, Path) else "an array"
        if self.error is not None:
            return _html.line(str(self.error))
        said = [name]
        if self.uncertainty is not None:
            said.append(f"uncertainty {self.uncertainty:.3f}")
        drawn = ""
        if self.mask is not None and self.labels is not None:
            look = Look()(self._shown(self.mask), self.mask, self.labels, self.areas or {})
            picture = Image.fromarray(look)
            picture.thumbnail((SIDE, SIDE))
            drawn = _html.picture(_html.address(picture, "png"), name)
        rows = [(name, f"{share:.1%}") for name, share in (self.areas or {}).items()]
        return drawn + _html.table(("class", "area"), rows) + _html.line(", ".join(said))

    def _shown(self, mask: np.ndarray) -> np.ndarray:
        """Return the image, or white where its file is not what it was."""
        image = self.source
        if isinstance(image, Path):
            try:
                image = files.read_image(image)
            except (KsegError, OSError):
                image = np.zeros(0)
        if image.shape[:2] != mask.shape:
            return np.full((*mask.shape, 3), 255, np.uint8)
        return np.clip(image, 0, 255).astype(np.uint8)


class Results:
    """Writes what is predicted, and finds what was predicted before.

    A mask carries a digest of all that it was made from: the size and time of the image's file,
    the networks and how they are shown images; and which files were written with it. The mask of
    before goes first and the new one comes last, so that one that is there and has the digest has
    those files beside it, whole.

    Args:
        out: Folder for the results; `None` writes nothing.
        labels: The classes.
        made_by: Digest of networks and choices.
        kinds: What is written beside mask and overlay, of `PER_IMAGE`.
        again: Whether what is there is made again.
        cleaning: What is done to a mask once it is decided.
        look: How an overlay is drawn.
    """

    def __init__(
        self,
        out: Path | None,
        labels: Labels,
        made_by: str,
        kinds: Sequence[str],
        *,
        again: bool,
        cleaning: Cleaning,
        look: Look,
    ) -> None:
        self.out = out
        self.labels = labels
        self.kinds = tuple(kinds)
        self.cleaning = cleaning
        self.look = look
        self._made_by = made_by
        self._again = again
        self._names = Names()

    def target(self, source: Path | np.ndarray) -> Path | None:
        """Return what the results of an image are called, without their endings."""
        if self.out is None:
            return None
        folder = place(self.out, source.parent) if isinstance(source, Path) else self.out
        return folder / self._names.of(source)

    def digest(self, source: Path) -> str:
        """Return a digest of all that the results of a file depend on, as it is now."""
        told = source.stat()
        return _digest([self._made_by, told.st_size, told.st_mtime_ns])

    def before(
        self, source: Path, target: Path | None, is_large: bool, of: str | None
    ) -> Prediction | None:
        """Return what is there of an image, made from the same; `None` where it is not.

        Args:
            source: The image.
            target: What its results are called.
            is_large: Whether its mask is written by rows.
            of: Its digest.
        """
        if target is None or self._again:
            return None
        written = self.paths(target, is_large)
        if not all(path.is_file() for path in written):
            return None
        try:
            note = json.loads((strips.read_note if is_large else files.read_note)(written[0]))
            if note["of"] != of or not {*self.kinds} <= {*note["with"]}:
                return None
            return Prediction(
                source,
                None if is_large else files.read_stored(written[0]),
                dict(note["areas"]),
                float(note["uncertainty"]),
                written=written,
                is_kept=True,
                labels=self.labels,
            )
        except (KsegError, OSError, ValueError, LookupError, TypeError):
            return None  # it was made by something else

    def paths(self, target: Path, is_large: bool = False) -> tuple[Path, ...]:
        """Return the files of an image: the mask, the overlay, and what else is asked for."""
        ends = ["_mask.png", "_overlay.png", *(PER_IMAGE[kind] for kind in self.kinds)]
        if is_large:
            ends = [end if "overlay" in end else end.replace(".png", ".tif") for end in ends]
        return tuple(target.with_name(f"{target.name}{end}") for end in ends)

    def write(
        self,
        source: Path | np.ndarray,
        target: Path | None,
        image: np.ndarray,
        decided: Decided,
        probabilities: np.ndarray | None,
        of: str | None = None,
    ) -> Prediction:
        """Write mask, overlay and doubts of an image, and return all of it.

        Args:
            source: The image.
            target: What its results are called; `None` writes nothing.
            image: Its pixels.
            decided: What is said of them.
            probabilities: The same per class, where they are wanted.
            of: The digest of its file, from before it was read; an array has none.
        """
        mask = self.cleaning(decided.mask)
        areas = areas_of(np.bincount(mask.ravel(), minlength=len(self.labels)), self.labels)
        unsure = decided.uncertainty
        written: tuple[Path, ...] = ()
        if target is not None:
            written = self.paths(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            written[0].unlink(missing_ok=True)
            for kind, path in zip(self.kinds, written[2:], strict=True):
                self._write(kind, path, decided._replace(mask=mask), probabilities)
            files.write_image(written[1], self.look(image, mask, self.labels, areas))
            note = None if of is None else self.note(of, areas, unsure)
            files.write_mask(written[0], mask, self.labels, note)
        return Prediction(
            source, mask, areas, unsure, probabilities, written=written, labels=self.labels
        )

    def _write(
        self,
        kind: str,
        path: Path,
        decided: Decided,
        probabilities: np.ndarray | None,
    ) -> None:
        """Write one of the kinds."""
        if kind == "uncertainty":
            files.write_image(path, np.round(255 * decided.doubt).astype(np.uint8))
        elif kind == "confidence":
            files.write_image(path, np.round(65535 * decided.confidence).astype(np.uint16))
        elif kind == "geojson":
            _files.write_json(path, geojson(regions_of(decided.mask, self.labels), self.labels))
        elif probabilities is not None:
            with _files.atomic(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, probabilities=probabilities, classes=self.labels.names)

    def note(self, of: str, areas: Mapping[str, float], unsure: float) -> str:
        """Return what a mask carries: what it was made from and with, and what is said of it."""
        content = {"of": of, "with": self.kinds, "areas": areas, "uncertainty": unsure}
        return json.dumps(content)


def made_by(runs: Sequence[Run], choices: Mapping[str, Any]) -> str:
    """Return a digest of networks and of how they are used.

    Args:
        runs: Whose networks answer.
        choices: What else the results depend on, as JSON can hold it.
    """
    models = [run.model_digest for run in runs]
    return _digest([machine.versions().get("kseg"), models, runs[0].labels.to_dict(), choices])


def areas_of(counts: np.ndarray, labels: Labels) -> dict[str, float]:
    """Return the part of an image per class, of its pixels per class."""
    shares = (counts / counts.sum()).tolist()
    return {name: share for name, share in zip(labels.names, shares, strict=True) if share > 0}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
