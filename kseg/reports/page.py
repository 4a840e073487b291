"""One page about runs: what was learned, how well, where it fails, and which of them is better."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from kseg import _files, machine
from kseg.callbacks import Findings
from kseg.data.doctor.examination import Report
from kseg.data.samples import Samples
from kseg.evaluation import Evaluation
from kseg.evaluation.things import SIDES, Things
from kseg.inference import Predictor
from kseg.metrics.grouping import FEWEST
from kseg.metrics.intervals import iou_gain_intervals, mean_iou_gain_interval
from kseg.metrics.scores import iou as iou_of
from kseg.metrics.scores import ratio
from kseg.plots.calibration import reliability_picture
from kseg.plots.overlays import error_map
from kseg.plots.ranking import risk_coverage_picture
from kseg.reports import embedding
from kseg.reports.figures import curves_of, ordered
from kseg.reports.tables import doubtful_images
from kseg.runs.loop import title_of
from kseg.runs.run import Run

WORST, MEDIAN, BEST, OF_EACH_CLASS, DIFFERING = 12, 4, 4, 2, 12
"""So many images of each kind are shown."""
ASKED = (
    "Say here what it is for, who may use it, and under which licence the images and this network "
    "are."
)
"""What a model card asks whoever passes the network on."""
LISTED = 20
"""So many images are listed to look at first."""
CONFUSED = 8
"""So many confusions are told in words."""
LEAST = 0.001
"""A class that has this part of an image is shown among the images where it is worst."""


@dataclass(frozen=True)
class Judged:
    """A run, and how it did.

    Attributes:
        run: The run.
        evaluation: Its scores, with borders, calibration and uncertainty.
        things: How well things of each size are found.
        predictor: Predicts as it was scored.
        seconds: What each engine took for an image on this machine, where that was timed.
    """

    run: Run
    evaluation: Evaluation
    things: Things
    predictor: Predictor
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """Runs scored on the same images.

    Attributes:
        judged: The runs, the one that the others are held against first.
        samples: The images.
        data: The data set.
        split: Its split.
        health: What the doctor says of the data set; `None` where it was not asked.
        learned: So many of the images a run was trained on.
    """

    judged: Sequence[Judged]
    samples: Samples
    data: str
    split: str
    health: Report | None = None
    learned: int = 0


def write_page(path: Path, found: Judgement) -> Path:
    """Write a page of HTML that needs nothing beside it; return where."""
    names = [one.run.name for one in found.judged]
    text = _template("page.html.jinja").render(
        title=" and ".join(names) if len(names) < 3 else f"{len(names)} runs",
        found=found,
        labels=found.samples.labels,
        runs=[_facts(one) for one in found.judged],
        comparisons=[_compared(one, found) for one in found.judged[1:]],
        classes=_class_rows(found),
        single=_single(found) if len(found.judged) == 1 else None,
        images=list(_shown(found)),
        health=found.health,
        few=FEWEST,
        versions=machine.versions(),
    )
    _files.write_text(path, text)
    return path


def write_card(path: Path, found: Judgement) -> Path:
    """Write the model card of the first run as Markdown; return where.

    A card that is there stays where someone has answered what it asks; the new one gets a name
    beside it.

    References:
        Mitchell et al. 2019, https://arxiv.org/abs/1810.03993.
    """
    judged = found.judged[0]
    text = _template("card.md.jinja").render(
        run=_facts(judged),
        found=found,
        judged=judged,
        classes=_class_rows(found),
        confusions=list(_confusions(judged.evaluation)),
        versions=machine.versions(),
        asked=ASKED,
    )
    if path.exists() and ASKED not in path.read_text(encoding="utf-8"):
        path = path.with_stem(f"{path.stem}_new")
    _files.write_text(path, text)
    return path


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kseg.reports", ""),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["three"] = lambda value: "–" if value != value else f"{value:.3f}"
    environment.filters["signed"] = lambda value: "–" if value != value else f"{value:+.3f}"
    environment.filters["percent"] = lambda value: "–" if value != value else f"{value:.1%}"
    environment.filters["rgb"] = lambda color: "rgb({}, {}, {})".format(*color)
    return environment


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


def _facts(judged: Judged) -> dict[str, Any]:
    """Return what is said of a run, whatever it is compared with."""
    run, evaluation = judged.run, judged.evaluation
    recipe = run.recipe
    findings = Findings(run.findings_file).all if run.findings_file.exists() else []
    return {
        "name": run.name,
        "path": str(run.path),
        "evaluation": evaluation,
        "groups": len(set(evaluation.groups.tolist())),
        "facts": list(_trained(run)),
        "recipe": run.recipe_file.read_text(encoding="utf-8"),
        "findings": findings,
        "curves": embedding.drawing(lambda: curves_of(run)) if run.history_file.exists() else "",
        "val": run.scores if run.scores_file.exists() else None,
        "speed": dict(_speeds(judged)),
        "temperature": run.temperature,
        "size": run.model_file.stat().st_size / 2**20,
        "shown": recipe.input.max_side if recipe.input.resize != "none" else None,
    }


def _trained(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what was trained on what, in two columns."""
    recipe = run.recipe
    model, loop, optimizer = recipe.model, recipe.loop, recipe.optimizer
    encoder = "" if model.encoder in ("own", None) else f" on {model.encoder}"
    weights = "" if model.weights in ("none", None) else f", weights of {model.weights}"
    yield "network", f"{model.arch}{encoder}{weights}"
    yield "classes", ", ".join(run.labels.names)
    if recipe.input.size:
        height, width = recipe.input.size
        shown = f", of images up to {recipe.input.max_side}" if recipe.input.max_side else ""
        yield "learned from", f"{recipe.data.path}, crops of {height}x{width}{shown}"
    yield (
        "learned by",
        f"{optimizer.name}, learning rate {optimizer.learning_rate:g}, {recipe.schedule.name}; "
        f"loss {recipe.loss.terms}; batch {loop.batch_size}; {loop.precision}; seed {recipe.seed}",
    )
    if run.summary_file.exists():
        best = f"epoch {run.best_epoch} of {run.epochs}, the best by {title_of(loop.monitor)}"
        yield "kept", f"{best}{'; ended ' + run.ended if run.ended else ''}"
    last = _last_line(run)
    if last:
        minutes = last.get("seconds", 0) / 60
        yield "took", f"{minutes:,.1f} minutes, {last.get('images', 0):,} images seen"
    yield "again", f"kseg train --recipe {run.recipe_file}"


def _last_line(run: Run) -> dict[str, Any]:
    if not run.lines_file.exists():
        return {}
    lines = run.lines_file.read_text(encoding="utf-8").splitlines()
    return json.loads(lines[-1]) if lines else {}


def _speeds(judged: Judged) -> Iterator[tuple[str, str]]:
    """Yield how fast the network is: in this scoring, and by each engine that was timed."""
    evaluation = judged.evaluation
    if evaluation.images and evaluation.seconds:
        each = 1000 * evaluation.seconds / evaluation.images
        yield "in this scoring", f"{each:,.0f} ms an image"
    for name, seconds in sorted(judged.seconds.items(), key=lambda item: item[1]):
        yield name, f"{1000 * seconds:,.1f} ms for a crop as in training"


def _class_rows(found: Judgement) -> list[dict[str, Any]]:
    """Return a row per class: of each run what it scores."""
    labels = found.samples.labels
    first = found.judged[0].evaluation
    total = max(first.scores.pixels.sum(), 1)
    return [
        {
            "name": name,
            "color": labels.colors[index],
            "share": first.scores.pixels[index] / total,
            "scores": [
                {
                    "interval": one.evaluation.class_intervals[index].tolist(),
                    **{title: column[index] for title, column in one.evaluation.columns.items()},
                }
                for one in found.judged
            ],
        }
        for index, name in enumerate(labels.names)
    ]


def _single(found: Judgement) -> dict[str, Any]:
    """Return what is told of a run that is alone on its page."""
    judged = found.judged[0]
    evaluation = judged.evaluation
    matrix = evaluation.scores.matrix
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    there, hit = judged.things.table(len(found.samples.labels))
    sides = ["under 8", *(f"{a} to {b}" for a, b in zip(SIDES, SIDES[1:], strict=False))]
    content = {
        "confusion": share.tolist(),
        "confusions": list(_confusions(evaluation)),
        "sides": [*sides, f"from {SIDES[-1]}"],
        "things": [
            [(int(n), hits / n if n else float("nan")) for n, hits in zip(*rows, strict=True)]
            for rows in zip(there, hit, strict=True)
        ],
        "doubtful": doubtful_images(evaluation)[:LISTED],
        "ranking": evaluation.ranking,
    }
    ranking, calibration = evaluation.ranking, evaluation.calibration
    if ranking is not None and len(ranking.risks):
        areas = (ranking.area, ranking.random_area, ranking.oracle_area)
        content["risk"] = embedding.drawing(
            lambda: risk_coverage_picture(
                ranking.coverages, ranking.risks, ranking.best_risks, areas
            )
        )
    if calibration is not None and not evaluation.is_collapsed:
        content["reliability"] = embedding.drawing(
            lambda: reliability_picture(
                calibration.pixels,
                calibration.confidence,
                calibration.correct,
                calibration.expected_error,
            )
        )
    return content


def _confusions(evaluation: Evaluation) -> Iterator[str]:
    """Yield the most frequent confusions in words: those that cost the most pixels first."""
    matrix = evaluation.scores.matrix.copy()
    totals = matrix.sum(axis=1)
    np.fill_diagonal(matrix, 0)
    names = evaluation.labels.names
    for flat in np.argsort(-matrix, axis=None, kind="stable")[:CONFUSED]:
        truth, said = np.unravel_index(flat, matrix.shape)
        pixels = int(matrix[truth, said])
        if pixels:
            share = pixels / totals[truth]
            yield f"{share:.1%} of {names[truth]} is taken for {names[said]} ({pixels:,} pixels)"


def _compared(other: Judged, found: Judgement) -> dict[str, Any]:
    """Return what a run is better than the first one, and how sure that is."""
    first = found.judged[0].evaluation
    evaluation, groups = other.evaluation, first.groups
    interval = mean_iou_gain_interval(evaluation.counts, first.counts, groups=groups)
    of_classes = iou_gain_intervals(evaluation.counts, first.counts, groups=groups)
    gain = evaluation.scores.mean_iou - first.scores.mean_iou
    return {
        "name": other.run.name,
        "over": found.judged[0].run.name,
        "gain": gain,
        "interval": interval,
        "verdict": _verdict(interval),
        "classes": [
            {
                "name": name,
                "gain": evaluation.scores.iou[index] - first.scores.iou[index],
                "interval": of_classes[index].tolist(),
                "verdict": _verdict(tuple(of_classes[index])),
            }
            for index, name in enumerate(found.samples.labels.names)
        ],
    }


def _verdict(interval: tuple[float, ...]) -> str:
    """Say whether a difference is one."""
    lower, upper = interval
    if lower > 0:
        return "better"
    return "worse" if upper < 0 else "not told apart"


def _shown(found: Judgement) -> Iterator[dict[str, Any]]:
    """Yield the images that are shown, with all that is shown of each."""
    labels = found.samples.labels
    for index, why in (_differing if len(found.judged) > 1 else _telling)(found).items():
        sample = found.samples[index]
        pictures = [
            ("image", embedding.photo(sample.image)),
            ("truth", embedding.classes(sample.mask, labels)),
        ]
        for one in found.judged:
            of = f" of {one.run.name}" if len(found.judged) > 1 else ""
            decided = next(iter(one.predictor.decided([sample.image])))
            wrong = error_map(sample.image, sample.mask, decided.mask, labels.ignore)
            pictures.append((f"prediction{of}", embedding.classes(decided.mask, labels)))
            pictures.append((f"errors{of}", embedding.photo(wrong)))
            if not of:
                most = 1 - 1 / max(len(labels), 2)
                pictures.append(("uncertainty", embedding.heat(decided.doubt, most)))
        iou = _iou_of_image(found.judged[0].evaluation, index)
        yield {
            "name": sample.name,
            "why": ", ".join(why),
            "scores": [one.evaluation.image_scores["mean_iou"][index] for one in found.judged],
            "iou": {str(i): round(value, 3) for i, value in enumerate(iou) if value == value},
            "pictures": pictures,
        }


def _telling(found: Judgement) -> dict[int, list[str]]:
    """Choose images of one run: the worst, the median, the best, and the worst of each class."""
    evaluation = found.judged[0].evaluation
    order = ordered(evaluation)
    middle = max((len(order) - MEDIAN) // 2, 0)
    chosen: dict[int, list[str]] = {}
    parts = {"worst": order[:WORST], "median": order[middle : middle + MEDIAN]}
    for why, images in {**parts, "best": order[: -BEST - 1 : -1]}.items():
        for index in images:
            if index not in chosen:
                chosen[index] = [why]
    correct, truth, predicted = evaluation.counts.transpose(1, 0, 2)
    iou = ratio(iou_of, correct, truth, predicted)
    enough = truth >= LEAST * truth.sum(axis=1, keepdims=True)
    for number, name in enumerate(evaluation.labels.names):
        scores = np.where(enough[:, number] & (truth[:, number] > 0), iou[:, number], np.inf)
        for index in np.argsort(scores, kind="stable")[:OF_EACH_CLASS].tolist():
            if np.isfinite(scores[index]):
                chosen.setdefault(index, []).append(f"worst for {name}")
    return chosen


def _differing(found: Judgement) -> dict[int, list[str]]:
    """Choose the images on which the runs differ the most."""
    scores = np.array([one.evaluation.image_scores["mean_iou"] for one in found.judged])
    spread = np.nan_to_num(scores.max(axis=0) - scores.min(axis=0))
    order = np.argsort(-spread, kind="stable")[:DIFFERING]
    return {int(index): [f"they differ by {spread[index]:.3f}"] for index in order}


def _iou_of_image(evaluation: Evaluation, index: int) -> list[float]:
    return ratio(iou_of, *evaluation.counts[index]).tolist()
