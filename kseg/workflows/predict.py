"""`kseg.predict`: images, in files or arrays, to masks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kseg import machine
from kseg.data.augment.settings import Resize, ResizeBack
from kseg.data.reading import files
from kseg.data.reading.strips import Strips, is_large
from kseg.errors import ArgumentError, KsegError
from kseg.inference.cleaning import Cleaning
from kseg.inference.decision import Decided, decide
from kseg.inference.settings import AUTO, IN_ALL, PER_IMAGE, read_kinds
from kseg.labels import Labels
from kseg.plots.overlays import Look
from kseg.runs.cross_validation import CrossValidation
from kseg.runs.finding import open_runs
from kseg.runs.run import Run
from kseg.workflows.answering import Answering
from kseg.workflows.engines import PAYS, with_engines
from kseg.workflows.large import predict_large
from kseg.workflows.results import Prediction, Results, made_by
from kseg.workflows.sources import Given, checked, keep_apart, listed
from kseg.workflows.totals import with_totals
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.inference import Ensemble, Predictor

AHEAD = 8
"""So many images, at most, are read while others are predicted, and are predicted together."""
AHEAD_BYTES = 2**26
"""So many bytes of them, at most, but for one."""
THREADS = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def predict(
    run: Run | str | Path | CrossValidation | Sequence[Run | str | Path] | None,
    images: Given | Iterable[Given],
    *,
    out: str | Path | None = None,
    probabilities: bool = False,
    write: str | None = None,
    smallest: int = 0,
    largest: Sequence[str] = (),
    alpha: float = 0.5,
    contours: bool = False,
    weights: Sequence[float] | None = None,
    tta: str | None = None,
    uncertainty: str = "confidence",
    max_side: int | None = None,
    resize: Resize | None = None,
    resize_back: ResizeBack | None = None,
    again: bool = False,
    shard: tuple[int, int] = (1, 1),
    device: str | None = None,
    engine: str = AUTO,
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> Iterator[Prediction]:
    """Predict the masks of images, one after the other: memory does not grow with their number.

    Images are predicted, and written, when they are asked for, a few ahead of the one that is: go
    through what is returned. Of those whose results are there already, made from the same image by
    the same network with the same choices, nothing is done again: a job that was killed goes on
    with what is missing.

    A TIFF of more than 150,000,000 pixels is read by rows and predicted in tiles, at its own size;
    its mask is written as a TIFF, and is not held.

    Args:
        run: A run, its name or its path; `None` for the newest. Several, or the folds of
            `kseg.cross_validate`, answer together, by the mean of their probabilities.
        images: Files, folders (all images in them), patterns such as "*.jpg", and arrays, uint8 or
            float in 0..255, `(height, width, channels)`; one of them or any number. A sequence is
            looked through before the first image is predicted, and a file that it names twice is
            taken once; an iterator is taken as it comes.
        out: Folder for the results, made if it is missing: a mask and an overlay per image, in the
            folders that the image lies in, from the working folder on: `out/a/b/NAME_mask.png`.
            `None` writes nothing.
        probabilities: Whether to keep the probabilities of all classes.
        write: What to write beside mask and overlay, names joined by "+". Of each image:
            "uncertainty", a grey PNG, brighter where the network is less sure; "confidence", the
            probability of each pixel's class as a PNG of 16 bits; "probabilities" of all classes,
            as NPZ; "geojson", the regions as polygons. Of all images: "areas", a CSV of
            pixels and regions per class; "coco", the regions as COCO's annotations.
        smallest: Regions of fewer pixels, holes too, go to the class around them.
        largest: Classes of which the largest region alone stays.
        alpha: Part of the classes' colours in an overlay, in [0, 1].
        contours: Whether an overlay shows the outlines of the regions alone.
        weights: What each of several runs counts; by default all the same.
        tta: Views of an image whose answers are averaged: "flip", "turns", "scales", or several
            joined by "+"; see `inference.with_views`.
        uncertainty: How it is measured: "confidence", "entropy", "margin", or, of several answers,
            "disagreement"; see `inference.decide`.
        max_side: The longest side that the network is shown; by default as in training, where the
            run was scored.
        resize: How larger images come to it: "aspect", "squash" or "none"; by default as there.
        resize_back: How the answer comes back: "bilinear" or "nearest"; by default as there.
        again: Whether to make results again that are there already.
        shard: `(i, n)` takes every n-th image alone, from the i-th on, counted from 1: so several
            machines share a folder.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        engine: What runs the network: "keras", "keras-bfloat16", "openvino", "openvino-bfloat16",
            "openvino-int8", "onnxruntime"; or "auto", the fastest of those that are installed,
            timed once for a network and a machine, where 100 images or more are to be predicted.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Yields:
        A `Prediction` per image, in order. One that cannot be read has its `error` set.

    Raises:
        KsegError: There is no such run or image, a choice is out of its range, an array is no
            image, or `out` is a folder of the images, where a result could replace one of them.
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
    sources = _shard(listed(images), shard)
    if isinstance(sources, list):
        keep_apart(sources, target)
    kinds = _kinds(write, target)
    opened = open_runs(run, runs)
    labels = opened[0].labels
    drawn = _cleaning(smallest, largest, labels), Look(alpha, contours)
    answering = Answering(opened, weights, tta, max_side, resize, resize_back, device, uncertainty)
    count = len(sources) if isinstance(sources, list) else None
    answering = with_engines(answering, engine, count, watch)
    is_limited = all(one.max_side and one.resize != "none" for one in answering.shown)
    few = is_limited and count is not None and count < PAYS
    answering = replace(answering, few=few)  # a large image is as much work as many
    answering.tell(watch)
    predictor = answering.predictor()
    results = _results(target, answering, kinds, drawn, again=again or probabilities)
    channels = opened[0].recipe.data.channels
    keeps = probabilities or "probabilities" in kinds
    found = _Job(predictor, results, channels, keeps, device, watch).run(sources)
    totals = [kind for kind in kinds if kind in IN_ALL]
    return with_totals(found, totals, labels, target, shard) if target and totals else found


def _kinds(write: str | None, target: Path | None) -> list[str]:
    """Return what is written beside masks and overlays.

    Raises:
        ArgumentError: There is no such kind, or no folder.
    """
    kinds = read_kinds(write)
    if kinds and target is None:
        raise ArgumentError("write= says what to write; give out=, the folder for it.")
    return list(kinds)


def _results(
    target: Path | None,
    answering: Answering,
    kinds: Sequence[str],
    drawn: tuple[Cleaning, Look],
    *,
    again: bool,
) -> Results:
    """Return what writes results, and knows those that are there."""
    cleaning, look = drawn
    how = answering.to_dict() | {"cleaning": repr(cleaning), "look": repr(look)}
    key = "" if target is None else made_by(answering.runs, how)
    kept = [kind for kind in kinds if kind in PER_IMAGE]
    labels = answering.runs[0].labels
    return Results(target, labels, key, kept, again=again, cleaning=cleaning, look=look)


@dataclass
class _Item:
    """An image on its way.

    Attributes:
        source: The file or array.
        target: What its results are called.
        image: Its pixels; `None` where they are not needed.
        of: The digest of its file from before its pixels were read, where results are written.
        found: What is known of it without the network: that it cannot be read, or is there.
    """

    source: Path | np.ndarray
    target: Path | None
    image: np.ndarray | None = None
    of: str | None = None
    found: Prediction | None = None


@dataclass(frozen=True)
class _Job:
    """Images to predict: while some are predicted, the next are read, and the last written."""

    predictor: "Predictor | Ensemble"
    results: Results
    channels: int
    keeps: bool
    device: str | None
    watch: Watch

    def run(self, sources: Iterable[Path | np.ndarray]) -> Iterator[Prediction]:
        """Predict, in order. What comes as an iterator is not read ahead."""
        total = len(sources) if isinstance(sources, list) else None
        ahead = 0 if total is None else AHEAD
        with (
            self.watch.counting("predicting", total) as on_image,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            items = (self._begun(source, total is None) for source in sources)
            read = _in_order(pool, self._read, items, ahead, _bytes_of)
            tasks = self._decided(read, max(ahead, 1))
            for found in _in_order(pool, lambda task: task(), tasks, min(ahead, THREADS)):
                yield found
                on_image()

    def _begun(self, source: Path | np.ndarray, is_stream: bool) -> _Item:
        if is_stream:
            keep_apart([source], self.results.out)
        return _Item(source, self.results.target(source))

    def _read(self, item: _Item) -> _Item:
        """Read an image, or find its results."""
        if not isinstance(item.source, Path):
            item.image = checked(item.source, self.channels)
            return item
        try:
            by_rows = is_large(item.source)
            if item.target is not None:
                item.of = self.results.digest(item.source)
            item.found = self.results.before(item.source, item.target, by_rows, item.of)
            if item.found is None and not by_rows:
                item.image = files.read_image(item.source, channels=self.channels)
        except OSError as error:
            why = KsegError(f"{item.source} cannot be read: {error.strerror}.")
            item.found = Prediction(item.source, error=why)
        except KsegError as error:
            item.found = Prediction(item.source, error=error)
        return item

    def _decided(self, items: Iterable[_Item], together: int) -> Iterator[Callable[[], Prediction]]:
        """Decide images, consecutive ones of one shape together; yield what writes each."""
        group: list[tuple[_Item, np.ndarray]] = []
        for item in items:
            if group and (item.image is None or group[0][1].shape != item.image.shape):
                yield from self._answered(group)
                group = []
            if item.image is None:
                found = item.found or self._by_rows(item)
                yield partial(_itself, found)
                continue
            group.append((item, item.image))
            if len(group) == together or sum(_bytes_of(one) for one, _ in group) > AHEAD_BYTES:
                yield from self._answered(group)
                group = []
        if group:
            yield from self._answered(group)

    def _answered(self, group: list[tuple[_Item, np.ndarray]]) -> Iterator[Callable]:
        """Ask the network about images of one shape; yield what writes each.

        Probabilities of all classes are many times an image: those of one are made at a time.
        """
        answers = self._answers([image for _, image in group])
        for item, image in group:
            with machine.computing_on(self.device):
                answer = next(answers)
            yield partial(self.results.write, item.source, item.target, image, *answer, item.of)

    def _answers(self, images: list[np.ndarray]) -> Iterator[tuple[Decided, np.ndarray | None]]:
        if self.keeps:
            for one in self.predictor.probabilities(images):
                yield decide(one), one.array()
        elif self.predictor.takes_rows and self.predictor.tiles(images[0].shape) > 1:
            for image in images:
                yield self._in_tiles(image), None
        else:
            for decided in self.predictor.decided(images):
                yield decided, None

    def _in_tiles(self, image: np.ndarray) -> Decided:
        """Decide an image under a bar of its own, which takes long."""
        with self.watch.counting("tiles", self.predictor.tiles(image.shape)) as on_tile:
            rows = self.predictor.decided_rows(image, on_tile)
            return Decided(*map(np.concatenate, zip(*rows, strict=True)))

    def _by_rows(self, item: _Item) -> Prediction:
        path = item.source
        if not isinstance(path, Path):
            raise TypeError(f"an array has no rows to read: {path!r}")
        try:
            with Strips(path, self.channels) as strips, machine.computing_on(self.device):
                return predict_large(
                    self.predictor, strips, item.target, self.results, self.watch, self.keeps
                )
        except KsegError as error:
            return Prediction(path, error=error)


def _cleaning(smallest: int, largest: Sequence[str], labels: Labels) -> Cleaning:
    """Return what is done to masks.

    Raises:
        ArgumentError: There is no such class, or `smallest` is below 0.
    """
    if smallest < 0:
        raise ArgumentError(f"smallest= must be a number of pixels. Received: {smallest}.")
    for name in largest:
        if name not in labels.names:
            known = ", ".join(labels.names)
            raise ArgumentError(f"largest= must name classes, {known}. Received: {name!r}.")
    return Cleaning(smallest, tuple(labels.names.index(name) for name in largest))


def _shard(
    sources: Iterable[Path | np.ndarray], shard: tuple[int, int]
) -> Iterable[Path | np.ndarray]:
    """Return every n-th image.

    Raises:
        ArgumentError: There is no such part.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise ArgumentError(
            f"shard= must be (i, n) with i from 1 to n, such as (1, 4). Received {shard}."
        )
    found = islice(sources, number - 1, None, count)
    return list(found) if isinstance(sources, list) else found


def _in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
    bytes_of: Callable[[Result], int] = lambda _: 0,
) -> Iterator[Result]:
    """Yield what a function makes of items, while it works on so many of those that follow.

    What is being made is taken to be as large as what was made last, for which the first is waited.
    """
    waiting: deque[Future[Result]] = deque()
    size = None
    for item in items:
        waiting.append(pool.submit(function, item))
        size = bytes_of(waiting[0].result()) if size is None else size
        while len(waiting) > ahead or (len(waiting) > 1 and size * len(waiting) > AHEAD_BYTES):
            found = waiting.popleft().result()
            size = bytes_of(found)
            yield found
    while waiting:
        yield waiting.popleft().result()


def _itself(found: Prediction) -> Prediction:
    return found


def _bytes_of(item: _Item) -> int:
    return 0 if item.image is None else item.image.nbytes
