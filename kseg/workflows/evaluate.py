"""`kseg.evaluate`: a run, or several together, scored on a whole split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kseg import _checks, machine
from kseg.data.augment.settings import Resize, ResizeBack
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.data.samples import Samples
from kseg.runs.cross_validation import CrossValidation
from kseg.runs.finding import open_runs
from kseg.runs.run import Run
from kseg.workflows.answering import Answering
from kseg.workflows.engines import with_engines
from kseg.workflows.scored import scored_on
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.evaluation import Evaluation, Gain


def evaluate(
    run: Run | str | Path | CrossValidation | Sequence[Run | str | Path] | None = None,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    mask_suffix: str = MASK_SUFFIX,
    border: float | None = None,
    calibration: bool = False,
    per_image: bool = False,
    rank: bool = False,
    figures: Literal["png", "svg", "pdf"] = "png",
    tta: str | None = None,
    uncertainty: str = "confidence",
    weights: Sequence[float] | None = None,
    max_side: int | None = None,
    resize: Resize | None = None,
    resize_back: ResizeBack | None = None,
    device: str | None = None,
    engine: str = "keras",
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> "Evaluation":
    """Score a run on a whole split, every image at its own size.

    Several runs answer together. What averaging is worth, of runs or by `tta`, is told by `gain`:
    each run is scored by itself too, and the best of them is what it is compared with.

    Writes `evaluation_SPLIT.json` and `confusion_SPLIT.png` into the run's folder; with
    `calibration` also `reliability_SPLIT.png`, with `per_image` `images_SPLIT.csv`, with `rank`
    `ranking_SPLIT.csv` and `risk_coverage_SPLIT.png`. Of other data than the run's own these names
    hold the data's name too, of several runs their number; they lie with the first.

    Args:
        run: A run, its name or its path; by default the newest. Several, or the folds of
            `kseg.cross_validate`, answer together, by the mean of their probabilities.
        data: Another data set with the run's classes; by default the run's own.
        split: "train", "val", "test", or "all", another data set in one piece; by default "test",
            or "val" where there is no test, or "all".
        mask_suffix: What ends a mask's name where the masks of `data` lie beside their images.
        border: Distance, in pixels, up to which a border is met; `None` leaves borders out.
        calibration: Whether to compare the probabilities with how often they hold.
        per_image: Whether to write the scores of each image by itself.
        rank: Whether to list the images by how unsure the network is of them, and to hold that
            against how wrong it is: `evaluation.ranking`.
        figures: Format of the pictures: "png", "svg" or "pdf".
        tta: Views of an image whose answers are averaged: "flip", "turns", "scales", or several
            joined by "+"; see `inference.with_views`.
        uncertainty: How it is measured: "confidence", "entropy", "margin", or, of several answers,
            "disagreement"; see `inference.decide`.
        weights: What each of several runs counts; by default all the same.
        max_side: The longest side that the network is shown; by default as in training.
        resize: How larger images come to it: "aspect", "squash" or "none"; by default as there.
        resize_back: How the answer comes back: "bilinear" or "nearest"; by default as there.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        engine: What runs the network: "keras", "keras-bfloat16", "openvino", "openvino-bfloat16",
            "openvino-int8", "onnxruntime"; or "auto", the one that `kseg.predict` takes.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Returns:
        The scores, such as `evaluation.scores.mean_iou` and `evaluation.interval`.

    Raises:
        KsegError: There is no such run or split, a choice is out of its range, a sample cannot be
            read, or one of several runs was trained on the images.

    Example:
        >>> found = kseg.evaluate("unetpp-my_data", split="test", border=3.0)
        >>> found.images, found.border.tolerance
        (2, 3.0)
        >>> round(found.scores.mean_iou, 3)
        0...
    """
    watch = watching(progress)
    _checks.one_of(figures, ("png", "svg", "pdf"), "format of pictures")
    opened = open_runs(run, runs)
    answering = Answering(opened, weights, tta, max_side, resize, resize_back, device, uncertainty)

    from kseg.evaluation import evaluate as score
    from kseg.reports import figures as drawn

    source, split, samples, learned = scored_on(opened, data, split, mask_suffix)
    answering = with_engines(answering, engine, len(samples), watch)
    answering.tell(watch, f"{source.data}, {split}")
    with machine.computing_on(device), watch.counting("scoring", len(samples)) as on_image:
        predictor = answering.predictor()
        found = score(
            predictor, samples, on_image, border=border, calibration=calibration, rank=rank
        )
    if answering.averages:
        found = replace(found, gain=_gain(found, answering, samples, watch))
    watch.scored(found, split)
    label = split if len(opened) == 1 else f"{split}_of_{len(opened)}_runs"
    how = answering.to_dict() | {"images_trained_on": learned}
    written = drawn.report_evaluation(opened[0], found, source.data, label, figures, how)
    if per_image:
        written.append(drawn.report_images(opened[0], found, source.data, label))
    written += drawn.report_ranking(opened[0], found, source.data, label, figures)
    watch.written(written)
    return found


def _gain(found: "Evaluation", answering: Answering, samples: Samples, watch: Watch) -> "Gain":
    """Score each run by itself, and return what averaging is better than the best of them."""
    from kseg.evaluation import evaluate as score

    alone = {}
    for one in answering.runs:
        with (
            machine.computing_on(answering.device),
            watch.counting(f"scoring {one.name} alone", len(samples)) as on_image,
        ):
            alone[one.name] = score(answering.alone(one), samples, on_image)
    best = max(alone, key=lambda name: alone[name].scores.mean_iou)
    return found.gain_over(alone[best], best)
