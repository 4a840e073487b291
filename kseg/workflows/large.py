"""Images that memory does not hold: predicted row by row, and gone on with where it was stopped."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kseg import _files
from kseg.data.reading import files
from kseg.data.reading.strips import Strips, write_tiles
from kseg.errors import ArgumentError, KsegError
from kseg.workflows.results import Prediction, Results, areas_of
from kseg.workflows.watching import Watch

if TYPE_CHECKING:
    from kseg.inference import Ensemble, Predictor

LOOK = 4096
"""The longest side of the picture to look at."""
ROWS = 1024


def predict_large(
    predictor: "Predictor | Ensemble",
    strips: Strips,
    target: Path | None,
    results: Results,
    watch: Watch,
    keeps: bool = False,
) -> Prediction:
    """Predict an image in a TIFF that is read by rows, and write its mask as one.

    What is decided goes into hidden files beside the results, so that a killed job goes on where it
    was. The overlay shows every so many pixels.

    Args:
        predictor: Shows images at their own size.
        strips: The image.
        target: What its results are called, without their endings.
        results: How they are written.
        watch: Is told of the tiles.
        keeps: Whether the probabilities of all classes are asked for, which memory does not hold.

    Raises:
        ArgumentError: There is nowhere to write, or more is asked for than goes by rows.
        KsegError: The file is damaged, or the predictor would make it smaller.
        OSError: The results cannot be written.
    """
    height, width, _ = strips.shape
    if target is None:
        raise ArgumentError(
            f"{strips.path} has {width}x{height} pixels: its mask is written by rows. Give out=."
        )
    if keeps or set(results.kinds) - {"uncertainty"} or results.cleaning:
        raise ArgumentError(
            f"{strips.path} has {width}x{height} pixels: of so large an image write= may hold "
            "uncertainty alone, its probabilities are not kept, and smallest= and largest= want "
            "all of a mask at once."
        )
    if not predictor.takes_rows:
        raise KsegError(
            f"{strips.path} has {width}x{height} pixels: so large an image is predicted in tiles, "
            "at its own size. Give resize='none'."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(
        target.with_name(f"{_files.PREFIX}{target.name}"), (height, width), bool(results.kinds)
    )
    of = results.digest(strips.path)
    part.begin(of)
    count = predictor.tiles(strips.shape, part.done)
    with watch.counting(f"tiles of {strips.path.name}", count) as on_tile:
        part.decide(predictor, strips, on_tile)
    written = results.paths(target, is_large=True)
    counts = sum(np.bincount(rows.ravel(), minlength=256) for rows in part.mask.rows())
    areas = areas_of(np.asarray(counts)[: len(results.labels)], results.labels)
    unsure = part.unsure
    written[0].unlink(missing_ok=True)
    if results.kinds:
        write_tiles(written[2], part.doubts)
    files.write_image(written[1], _look(strips, part.mask, results, areas))
    write_tiles(written[0], part.mask, results.labels, results.note(of, areas, unsure))
    shutil.rmtree(part.folder)
    return Prediction(strips.path, areas=areas, uncertainty=unsure, written=written)


def _look(strips: Strips, mask: "_Raw", results: Results, areas: Mapping[str, float]) -> np.ndarray:
    """Return an overlay of every so many pixels, uint8 RGB."""
    step = -(-max(strips.shape[:2]) // LOOK)
    chunk = step * max(ROWS // step, 1)
    image, classes = (
        np.concatenate(
            [of[top : top + chunk][::step, ::step] for top in range(0, mask.shape[0], chunk)]
        )
        for of in (strips, mask)
    )
    return results.look(image, classes, results.labels, areas)


class _Raw:
    """Bytes of an image's shape in a file, read and written by rows."""

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        self.path = path
        self.shape = shape

    def __getitem__(self, rows: slice) -> np.ndarray:
        top, bottom, _ = rows.indices(self.shape[0])
        width = self.shape[1]
        found = np.fromfile(self.path, np.uint8, (bottom - top) * width, offset=top * width)
        return found.reshape(bottom - top, width)

    def rows(self) -> Iterator[np.ndarray]:
        """Read all of it, some rows at a time."""
        for top in range(0, self.shape[0], ROWS):
            yield self[top : top + ROWS]

    def write(self, top: int, rows: np.ndarray) -> None:
        """Write rows at their place."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.seek(top * self.shape[1])
            file.write(np.ascontiguousarray(rows).data)


class _Part:
    """What of an image is decided: files in a hidden folder, and how far they are whole."""

    def __init__(self, folder: Path, shape: tuple[int, int], keeps_doubts: bool) -> None:
        self.folder = folder
        self.mask = _Raw(folder / "mask", shape)
        self.doubts = _Raw(folder / "doubts", shape)
        self._keeps_doubts = keeps_doubts
        self._state = folder / "state.json"
        self._of = ""
        self.done = 0
        self._sum = 0.0

    @property
    def unsure(self) -> float:
        """How unsure the network is, the mean over all pixels."""
        return self._sum / (self.mask.shape[0] * self.mask.shape[1])

    def begin(self, of: str) -> None:
        """Take up what is there of the same image and network; begin anew where it is not."""
        self._of = f"{of} {self._keeps_doubts}"
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            if state["of"] == self._of:
                self.done, self._sum = int(state["rows"]), float(state["sum"])
                return
        except (OSError, ValueError, LookupError, TypeError):
            pass
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def decide(
        self, predictor: "Predictor | Ensemble", strips: Strips, on_tile: Callable[[], None]
    ) -> None:
        """Decide all rows that are missing."""
        if self.done >= self.mask.shape[0]:
            return
        for rows in predictor.decided_rows(strips, on_tile, self.done):
            self.mask.write(self.done, rows.mask)
            if self._keeps_doubts:
                self.doubts.write(self.done, np.round(255 * rows.doubt).astype(np.uint8))
            self.done += len(rows.mask)
            self._sum += float(rows.doubt.sum(dtype=np.float64))
            content = {"of": self._of, "rows": self.done, "sum": self._sum}
            _files.write_json(self._state, content)
