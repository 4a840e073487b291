"""`kseg.evaluate`: a run scored on a whole split."""

from pathlib import Path
from typing import TYPE_CHECKING

from kseg import machine
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.data.sources.source import Source
from kseg.runs.finding import open_run
from kseg.runs.run import Run
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.evaluation import Evaluation


def evaluate(
    run: Run | str | Path | None = None,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    mask_suffix: str = MASK_SUFFIX,
    border: float | None = None,
    calibration: bool = False,
    per_image: bool = False,
    flip: bool = False,
    device: str | None = None,
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> "Evaluation":
    """Score a run on a whole split, every image at its own size.

    Writes `evaluation_SPLIT.json` and `confusion_SPLIT.png` into the run's folder; with
    `calibration` also `reliability_SPLIT.png`, with `per_image` `images_SPLIT.csv`. Of other data
    than the run's own these names hold the data's name too.

    Args:
        run: A run, its name or its path; by default the newest.
        data: Another data set with the run's classes; by default the run's own.
        split: "train", "val", "test", or "all", another data set in one piece; by default "test",
            or "val" where there is no test, or "all".
        mask_suffix: What ends a mask's name where the masks of `data` lie beside their images.
        border: Distance, in pixels, up to which a border is met; `None` leaves borders out.
        calibration: Whether to compare the probabilities with how often they hold.
        per_image: Whether to write the scores of each image by itself.
        flip: Whether to average the answers for an image and for its mirror image.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Returns:
        The scores, such as `evaluation.scores.mean_iou` and `evaluation.interval`.

    Raises:
        KsegError: There is no such run or split, or a sample cannot be read.

    Example:
        >>> found = kseg.evaluate("unetpp-my_data", split="test", border=3.0)
        >>> found.images, found.border.tolerance
        (2, 3.0)
        >>> round(found.scores.mean_iou, 3)
        0...
    """
    watch = watching(progress)
    opened = open_run(run, runs)
    watch.starts(machine.device(device))

    from kseg.evaluation import evaluate as score
    from kseg.reports import figures

    source = opened.source()
    if data is not None:
        recipe = opened.recipe
        source = Source(
            str(data),
            recipe.input.size,
            val_fraction=0,
            mask_suffix=mask_suffix,
            channels=recipe.data.channels,
        )
    split = split or source.best_test
    samples = source.split(split, source.labels(opened.labels))
    watch.opened(opened, f"{source.data}, {split}")
    with machine.computing_on(device), watch.counting("scoring", len(samples)) as on_image:
        found = score(
            opened.predictor(flip), samples, on_image, border=border, calibration=calibration
        )
    watch.scored(found, split)
    written = figures.report_evaluation(opened, found, source.data, split)
    if per_image:
        written.append(figures.report_images(opened, found, source.data, split))
    watch.written(written)
    return found
