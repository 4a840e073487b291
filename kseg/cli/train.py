"""`kseg train`."""

from pathlib import Path
from typing import Any

import click

from kseg.cli.fields import chosen, recipe_options
from kseg.cli.options import device_option, named, runs_option
from kseg.errors import Interrupted


@click.command()
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="recipe.yaml of a run to make again; other options change it.",
)
@click.option("--name", help="Name of the run.  [default: ARCH-DATA, numbered if it exists]")
@click.option("--overwrite", is_flag=True, help="Replace a run of that name.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, 100_000, min_open=True),
    help="Train as many epochs as this machine does in this time.",
)
@recipe_options()
@click.option("--download", is_flag=True, help="Let TFDS download what is not on this machine.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into the run.")
@device_option
@runs_option
def train(
    recipe: Path | None,
    name: str | None,
    overwrite: bool,
    minutes: float | None,
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
    from kseg.cli.printer import start

    printer = start()
    is_replaced = bool(overwrite and name and (runs / name).exists())

    from kseg.workflows.train import train

    try:
        run = train(
            recipe,
            name=name,
            runs=runs,
            overwrite=overwrite,
            minutes=minutes,
            device=device,
            download=download,
            tensorboard=tensorboard,
            set=set,
            progress=printer,
            **chosen(choices),
        )
    except Interrupted as stop:
        printer.say(_stopped(stop, is_replaced))
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


def _stopped(stop: Interrupted, is_replaced: bool) -> str:
    """Say what a training that was broken off leaves: its run, or the one it was to replace."""
    kept = f"holds the best so far: kseg evaluate {named(stop.path)}"
    if is_replaced and not stop.epochs:
        kept = "is as it was"
    return f"Stopped after {stop.epochs} of {stop.planned} epochs; {stop.path} {kept}"
