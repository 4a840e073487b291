"""`kseg train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kseg.cli.fields import chosen, recipe_options
from kseg.cli.options import device_option, named, runs_option
from kseg.errors import Interrupted
from kseg.runs.making import UNFINISHED

if TYPE_CHECKING:
    from kseg.cli.printer import Printer
    from kseg.runs.run import Run

CURVE = "learning_rate.png"
picture = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="recipe.yaml of a run to make again; other options change it.",
)
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a training that was broken off; other options may not change it.",
)
@click.option("--name", help="Name of the run.  [default: ARCH-DATA, numbered if it exists]")
@click.option("--overwrite", is_flag=True, help="Replace a run of that name.")
@recipe_options()
@click.option("--download", is_flag=True, help="Let TFDS download what is not on this machine.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into the run.")
@click.option(
    "--plot-schedule",
    type=picture,
    metavar="FILE.png",
    help="Draw the learning rate over the training, and end without training or reading data.",
)
@click.option(
    "--find-lr",
    type=picture,
    is_flag=False,
    flag_value=CURVE,
    metavar="[FILE.png]",
    help="Try a hundred steps at rising learning rates, draw the loss, suggest a rate, and end.  "
    f"[default: {CURVE}]",
)
@device_option
@runs_option
def train(
    recipe: Path | None,
    resume: str | None,
    name: str | None,
    overwrite: bool,
    download: bool,
    tensorboard: bool,
    plot_schedule: Path | None,
    find_lr: Path | None,
    device: str | None,
    runs: Path,
    set: dict[str, Any],
    **choices: Any,
) -> None:
    """Train a network and keep everything in a folder of its own.

    What is not given is chosen for the machine and the data, and printed. The folder holds the
    model of the best epoch (model.keras), the recipe, history, scores and pictures.
    """
    if resume and (recipe or name or overwrite or download or plot_schedule or find_lr):
        raise click.UsageError(
            "--resume goes on with a run as it is: leave out --recipe, --name, --overwrite, "
            "--download, --plot-schedule and --find-lr."
        )
    if plot_schedule and find_lr:
        raise click.UsageError("Give --plot-schedule or --find-lr, not both.")
    from kseg.cli.printer import start

    printer = start()
    words: dict[str, Any] = {"set": set, **chosen(choices)}
    if plot_schedule:
        from kseg.workflows.rates import draw_schedule

        printer.written([draw_schedule(plot_schedule, recipe, **words)])
        return
    shared: dict[str, Any] = {"runs": runs, "device": device, "progress": printer, **words}
    if find_lr:
        _find_rate(printer, recipe, find_lr, download=download, **shared)
        return
    from kseg.workflows.cross_validate import cross_validate
    from kseg.workflows.resume import resume as go_on
    from kseg.workflows.train import train

    shared["tensorboard"] = tensorboard
    begin: dict[str, Any] = {"name": name, "overwrite": overwrite, "download": download}
    is_divided = choices["folds"] is not None and choices["fold"] is None
    try:
        if is_divided and not resume:
            found = cross_validate(recipe, **begin, **shared)
            printer.facts([("next", f"kseg evaluate {named(found.runs[0].path)}")])
            return
        run = go_on(resume, **shared) if resume else train(recipe, **begin, **shared)
    except Interrupted as stop:
        printer.say(_stopped(stop, is_divided))
        raise click.exceptions.Exit(130) from None
    _trained(printer, run)


def _trained(printer: "Printer", run: "Run") -> None:
    """Say where the run lies, and what comes next."""
    sample = run.path / "sample.png"
    image = sample if sample.exists() else "IMAGE..."
    printer.facts(
        [
            ("waited", f"{run.waited:.1%} of the training for images"),
            ("run", f"{run.path}, best epoch {run.best_epoch} of {run.epochs}"),
            ("next", f"kseg evaluate {named(run.path)}"),
            (
                "",
                f"kseg predict --run {named(run.path)} {image}",
            ),
        ]
    )


def _find_rate(printer: "Printer", recipe: Path | None, path: Path, **words: Any) -> None:
    """Try learning rates, and say which one to take."""
    from kseg.workflows.rates import find_learning_rate

    found = find_learning_rate(recipe, path=path, **words)
    tried = f"{len(found.rates)} steps, at rates of {found.rates[0]:.0e} to {found.rates[-1]:.0e}"
    if found.suggestion is None:
        said = "none: the loss did not fall. Look at the curve, and at kseg data check"
        printer.facts([("tried", tried), ("suggested", said)])
        return
    printer.facts(
        [
            ("tried", tried),
            ("suggested", f"{found.suggestion:.1e}, where a third of the fall of the loss is done"),
            ("next", f"--learning-rate {found.suggestion:.1e} in the place of --find-lr"),
        ]
    )


def _stopped(stop: Interrupted, is_divided: bool = False) -> str:
    """Say what a training that was broken off leaves; one of several folds goes on with them."""
    run = stop.path.with_name(stop.path.name.removesuffix(UNFINISHED))
    said = f"Stopped after {stop.reached}"
    if run != stop.path:
        said = f"{said}; {run} is as it was"
    if is_divided:
        return f"{said} of {run}. Go on: the same command again."
    way = f"Go on: kseg train --resume {named(run)}"
    return f"{said}. {way if stop.path.exists() else 'Nothing was reached that could be kept.'}"
