"""`kseg train`."""

from pathlib import Path
from typing import Any

import click

from kseg.cli.fields import chosen, recipe_options
from kseg.cli.options import device_option, named, runs_option
from kseg.errors import Interrupted
from kseg.runs.making import UNFINISHED


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
@device_option
@runs_option
def train(
    recipe: Path | None,
    resume: str | None,
    name: str | None,
    overwrite: bool,
    download: bool,
    tensorboard: bool,
    device: str | None,
    runs: Path,
    set: dict[str, Any],
    **choices: Any,
) -> None:
    """Train a network and keep everything in a folder of its own.

    What is not given is chosen for the machine and the data, and printed. The folder holds the
    model of the best epoch (model.keras), the recipe, history, scores and pictures.
    """
    if resume and (recipe or name or overwrite or download):
        raise click.UsageError(
            "--resume goes on with a run as it is: leave out --recipe, --name, --overwrite and "
            "--download."
        )
    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.resume import resume as go_on
    from kseg.workflows.train import train

    shared: dict[str, Any] = {
        "runs": runs,
        "device": device,
        "tensorboard": tensorboard,
        "set": set,
        "progress": printer,
        **chosen(choices),
    }
    begin: dict[str, Any] = {"name": name, "overwrite": overwrite, "download": download}
    try:
        run = go_on(resume, **shared) if resume else train(recipe, **begin, **shared)
    except Interrupted as stop:
        printer.say(_stopped(stop))
        raise click.exceptions.Exit(130) from None
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


def _stopped(stop: Interrupted) -> str:
    """Say what a training that was broken off leaves."""
    run = stop.path.with_name(stop.path.name.removesuffix(UNFINISHED))
    said = f"Stopped after {stop.epochs} of {stop.planned} epochs"
    if run != stop.path:
        said = f"{said}; {run} is as it was"
    way = f"Go on: kseg train --resume {named(run)}"
    return f"{said}. {way if stop.path.exists() else 'Nothing was reached that could be kept.'}"
