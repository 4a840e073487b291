"""What commands print while a workflow works."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg._text import printable
from kseg.cli.terminal import open_console, print_facts, print_folds, print_scores
from kseg.cli.words import as_typed
from kseg.data.augment.presets import SCALED
from kseg.runs.loop import title_of
from kseg.workflows.watching import Bars

if TYPE_CHECKING:
    from kseg.callbacks import Finding
    from kseg.data.augment.settings import Input
    from kseg.encoders.matching import Match
    from kseg.evaluation import Evaluation
    from kseg.machine import Device
    from kseg.runs.cross_validation import CrossValidation
    from kseg.runs.run import Run
    from kseg.training.data import TrainingData
    from kseg.training.plan import Plan

SHOWN = 4
"""So many layers are named that do not begin with an earlier run's weights."""


class Printer(Bars):
    """Prints what it is told, in two columns, and shows bars on a terminal."""

    def __init__(self) -> None:
        super().__init__(open_console())

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Print names and values in two columns."""
        print_facts(self.console, facts)

    def show(self, text: str) -> None:
        """Print text of kseg's own, in lines."""
        self.console.print(text, markup=False)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False)

    def starts(self, device: "Device") -> None:
        """Print what is computed on, and why a GPU is not used."""
        from kseg import machine

        is_started = sys.modules.get("keras") is not None
        backend = f", {machine.wanted_backend()}" if is_started else ""
        self.facts([("device", f"{device.name} ({device.kind.upper()}){backend}")])
        if device.problem:
            self.facts([("", device.problem)])

    def chose(self, why: str) -> None:
        """Print which network was chosen, and why."""
        if why:
            self.facts([("chosen", why)])

    def opened(self, run: "Run", data: str) -> None:
        """Print the run, and what it is used on."""
        self.facts([("run", str(run.path)), *([("data", data)] if data else [])])

    def shows(self, settings: "Input") -> None:
        """Print at which size the network is shown images."""
        self.facts([("shown", f"{_images(settings)} (--max-side and --resize choose)")])

    def compares(self, engines: Sequence[str]) -> None:
        """Print that this takes a moment."""
        self.show(f"timing the engines {', '.join(engines)} ...")

    def loses(self, engine: str, less: float) -> None:
        """Print which engine is left out, and why."""
        self.facts([("engine", f"{engine} loses {less:.3f} mean IoU, and is left out")])

    def answers(self, engine: str, found: Mapping[str, float]) -> None:
        """Print the engine and what the others would take."""
        if found:
            self.facts([("engine", f"{engine}; seconds per image: {per_step(found)}")])
        elif engine != "keras":
            self.facts([("engine", engine)])

    def downloads(self, what: str) -> None:
        """Print what is downloaded."""
        self.facts([("download", what)])

    def imported(self, name: str, folder: Path) -> None:
        """Print where a data set was written."""
        self.facts([("written", f"{name} as files to {folder}")])

    def read(self, data: "TrainingData", path: str) -> None:
        """Print the number of images, how they are laid out, and what was passed over."""
        splits = data.splits
        self.facts(
            [
                (
                    "data",
                    f"{path}: {len(splits.train)} training and {len(splits.val)} validation "
                    f"images, {len(splits.labels)} classes",
                ),
                *(("", note) for note in splits.notes),
                *(("skipped", text) for text in data.skipped.values()),
            ]
        )

    def tidied(self, removed: Sequence[Path]) -> None:
        """Print what was removed."""
        for path in removed:
            self.facts([("removed", f"{path}: a training was killed there before its first step")])

    def resumes(self, run: "Run") -> None:
        """Print where the training goes on."""
        if not run.resume_file.exists():
            self.facts([("anew", f"{run.path}: no state to go on from had been kept")])
            return
        self.facts([("goes on", f"{run.path}, after {run.epochs_reached} whole epochs")])

    def measures(self, minutes: float) -> None:
        """Print that the speed is measured."""
        self.say(f"measuring what this machine does in {minutes:g} minutes ...")

    def timed(self, found: Mapping[str, float]) -> None:
        """Print how many seconds a step takes in each number format."""
        self.facts([("precision", f"seconds per step: {per_step(found)}")])

    def planned(self, plan: "Plan") -> None:
        """Print the plan."""
        height, width = plan.input.size
        chosen = plan.loss.class_weights
        weights = chosen if isinstance(chosen, str) else ", ".join(f"{w:g}" for w in chosen)
        self.facts(
            [
                ("network", _network(plan)),
                (
                    "training",
                    f"{_length(plan)}, batch {plan.loop.batch_size}, crops of "
                    f"{height}x{width}, {_images(plan.input)}, augmentation "
                    f"{plan.input.augment}{_scale(plan)}",
                ),
                (
                    "",
                    f"{plan.optimizer.name}, learning rate {plan.optimizer.learning_rate:g}"
                    f"{_of_encoder(plan)} ({plan.schedule.name}), loss {plan.loss.terms}, class "
                    f"weights {weights}, seed {plan.seed}",
                ),
            ]
        )

    def found(self, finding: "Finding") -> None:
        """Print what is wrong with a training, and what to do about it."""
        mend = as_typed(finding.mend, click.get_current_context().command)
        self.facts([("doctor", f"epoch {finding.epoch}: {finding.cause}"), ("", mend)])

    def takes(self, found: "Match", source: str) -> None:
        """Print how many layers begin with an earlier run's weights, and which do not."""
        layers = len(found.taken) + len(found.left)
        left = [f"{name} ({why})" for name, why in found.left.items()]
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        self.facts([("taken", f"{len(found.taken)} of {layers} layers of {source}")])
        if left:
            self.facts([("", f"left: {', '.join(left[:SHOWN])}{more}")])

    def folds(self, run: "Run", fold: int, folds: int) -> None:
        """Print which fold comes next."""
        self.facts([("fold", f"{fold} of {folds}, {run.path}")])

    def cross_validated(self, found: "CrossValidation") -> None:
        """Print mean and spread over the folds."""
        print_folds(self.console, found)

    def kept(self, run: "Run", shrunk_to: int | None) -> None:
        """Print which epoch the table is of, and why its scores may differ from those above."""
        if run.ended:
            self.facts([("ended", run.ended)])
        best = f"epoch {run.best_epoch} of {run.epochs}, the best by "
        self.facts([("scored", f"{best}{title_of(run.recipe.loop.monitor)}")])
        if shrunk_to is not None:
            self.facts([("", f"at full size; the epochs above saw images of up to {shrunk_to}")])

    def scored(self, evaluation: "Evaluation", split: str) -> None:
        """Print the table per class and the means."""
        print_scores(self.console, evaluation, split)

    def written(self, paths: Sequence[Path]) -> None:
        """Print where files were written."""
        self.facts([("written", ", ".join(str(path) for path in paths))])


def start() -> Printer:
    """Start the backend quietly, and return a printer."""
    from kseg import machine

    machine.backend()
    return Printer()


def _images(settings: "Input") -> str:
    side = settings.max_side
    return {
        "aspect": f"images up to {side}",
        "squash": f"images squashed to {side}x{side}",
        "none": "images at their size",
    }[settings.resize]


def _of_encoder(plan: "Plan") -> str:
    part = plan.optimizer.encoder_rate
    return "" if part == 1 else f", of the encoder {plan.optimizer.learning_rate * part:g}"


def per_step(found: Mapping[str, float]) -> str:
    """Spell the seconds per step in each number format."""
    return ", ".join(f"{name} {seconds:.3f}" for name, seconds in found.items())


def _length(plan: "Plan") -> str:
    epochs = f"{plan.loop.epochs} epochs"
    if plan.loop.done:
        return f"as long as {plan.loop.done} says"
    return f"{plan.loop.minutes:g} minutes, about {epochs}" if plan.loop.minutes else epochs


def _scale(plan: "Plan") -> str:
    if plan.input.augment not in SCALED:
        return ""
    return " (scale {:g} to {:g})".format(*plan.input.scale)


def _network(plan: "Plan") -> str:
    """Describe the network in a line: what differs from the architecture's own."""
    model = plan.model
    parts = [model.arch]
    if model.encoder != "own":
        parts.append(f"encoder {model.encoder}")
    if model.weights != "none":
        parts.append(f"weights of {model.weights}")
    if model.weights != "none" or model.frozen:
        until = f" up to epoch {model.frozen_epochs}" if model.frozen_epochs else ""
        parts.append(f"{model.frozen} of 5 stages frozen{until}")
    if model.width != "own":
        parts.append(f"width {model.width}")
    if model.heads != "own":
        parts.append(f"{model.heads} heads")
    for name in ("block", "down", "up", "skip", "head"):
        if getattr(model, name) != "own":
            parts.append(f"{name} {getattr(model, name)}")
    if model.output != "softmax":
        parts.append(model.output)
    if plan.data.channels != 3:
        parts.append(f"{plan.data.channels} channels")
    return ", ".join([*parts, plan.loop.precision])
