"""`kseg.report`: one page about a run, or about what several differ in."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kseg import machine
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.errors import ArgumentError, KsegError
from kseg.runs.cross_validation import CrossValidation
from kseg.runs.finding import open_runs
from kseg.runs.run import Run
from kseg.workflows.engines import timed_before
from kseg.workflows.scored import scored_on
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.data.doctor.examination import Report
    from kseg.data.samples import Samples
    from kseg.data.sources.source import Source
    from kseg.reports.page import Judged

BORDER = 3.0


def report(
    run: Run | str | Path | CrossValidation | Sequence[Run | str | Path] | None = None,
    *,
    out: str | Path | None = None,
    data: str | Path | None = None,
    split: str | None = None,
    mask_suffix: str = MASK_SUFFIX,
    card: bool = False,
    device: str | None = None,
    runs: str | Path = "saved_models",
    progress: bool | Watch = False,
) -> Path:
    """Score a run on a whole split, and write all that is to be known of it into one page.

    What was trained on what and how to make it again; what was found wrong; curves; scores per
    class with their intervals; confusions; the best, median and worst images; borders, calibration,
    sizes, what to look at first; and what the doctor says of the data. Of several runs it tells
    instead which is better, overall and per class, and shows the images on which they differ most.

    The page is one file of HTML. It needs no network, and nothing beside it.

    Args:
        run: A run, its name or its path; by default the newest. Several are compared with the
            first one.
        out: The page; by default `report_SPLIT.html` in the folder of the (first) run; its name
            holds that of other data than the run's own, and the number of several runs.
        data: Another data set with the run's classes; by default the run's own.
        split: "train", "val", "test", or "all", another data set in one piece; by default "test",
            or "val" where there is no test, or "all".
        mask_suffix: What ends a mask's name where the masks of `data` lie beside their images.
        card: Whether to write a model card of the first run beside the page, `MODEL_CARD.md`; one
            that was filled in stays, and the new one is `MODEL_CARD_new.md`.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        runs: Folder that holds the runs.
        progress: Whether to show bars, on a terminal or in a notebook.

    Returns:
        The page.

    Raises:
        ArgumentError: `out` does not end in .html, or a run is named twice.
        KsegError: There is no such run or split, a sample cannot be read, or one of several runs
            was trained on the images.

    Example:
        >>> kseg.report("unetpp-my_data", split="val").name
        'report_val.html'
    """
    watch = watching(progress)
    opened = open_runs(run, runs)
    if out is not None and Path(out).suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"out= must end in .html. Received: '{out}'.")
    if len({one.path.resolve() for one in opened}) < len(opened):
        raise ArgumentError("A run is compared with others: one is named twice.")
    first = opened[0]
    source, split, samples, learned = scored_on(opened, data, split, mask_suffix)
    watch.starts(machine.device(device))

    from kseg.reports.figures import label_of
    from kseg.reports.page import Judgement, write_card, write_page

    with machine.computing_on(device):
        judged = [_judged(one, samples, f"{source.data}, {split}", watch) for one in opened]
        health = _health(first, source, watch)
        found = Judgement(judged, samples, source.data, split, health, learned)
        part = split if len(opened) == 1 else f"{split}_of_{len(opened)}_runs"
        label = label_of(first, source.data, part)
        page = Path(out) if out else first.path / f"report_{label}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        written = [write_page(page, found)]
        if card:
            written.append(write_card(page.with_name("MODEL_CARD.md"), found))
    watch.written(written)
    return page


def _judged(run: Run, samples: "Samples", of: str, watch: Watch) -> "Judged":
    """Score a run in every way."""
    from kseg.evaluation import ThingCounts, evaluate
    from kseg.reports.page import Judged

    watch.opened(run, of)
    predictor = run.predictor()
    things = ThingCounts(samples.labels)
    with watch.counting(f"scoring {run.name}", len(samples)) as on_image:
        evaluation = evaluate(
            predictor,
            samples,
            on_image,
            border=BORDER,
            calibration=True,
            rank=True,
            also=[things],
        )
    return Judged(run, evaluation, things.result(), predictor, timed_before(run))


def _health(run: Run, source: "Source", watch: Watch) -> "Report | None":
    """Ask the doctor about the data; nothing where they are drawn, or lie no longer as they did."""
    from kseg.workflows.data import check_data

    if not Path(source.data).exists():
        return None
    suffix, channels = source.mask_suffix, run.recipe.data.channels
    try:
        return check_data(source.data, mask_suffix=suffix, channels=channels, progress=watch)
    except KsegError:
        return None
