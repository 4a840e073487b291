"""`kseg evaluate`."""

from pathlib import Path
from typing import Any

import click

from kseg.cli.options import (
    device_option,
    engine_option,
    mask_suffix_option,
    runs_option,
    scored_options,
    shown_options,
    tta_option,
    uncertainty_option,
    weight_option,
)

BORDER = 3.0


@click.command()
@click.argument("named", nargs=-1, metavar="[RUN]...")
@scored_options
@mask_suffix_option
@click.option(
    "--border",
    type=click.FloatRange(0, min_open=True),
    is_flag=False,
    flag_value=BORDER,
    metavar="[PIXELS]",
    help="Score the borders of the classes too, met within so many pixels; 3 where no number is "
    "given (put RUN before it then).",
)
@click.option("--calibration", is_flag=True, help="Compare probabilities with how often they hold.")
@click.option("--per-image", is_flag=True, help="Score each image by itself; print the worst.")
@click.option(
    "--rank",
    is_flag=True,
    help="List the images by how unsure the network is of them, and prove that order against how "
    "wrong it is.",
)
@click.option(
    "--format",
    "figures",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Format of the pictures.",
)
@tta_option
@uncertainty_option
@weight_option
@shown_options
@engine_option("keras")
@device_option
@runs_option
def evaluate(
    named: tuple[str, ...],
    weights: tuple[float, ...],
    per_image: bool,
    runs: Path,
    **words: Any,
) -> None:
    """Score RUN, by default the newest, on a whole split; several answer together.

    Prints a table of the classes and the means, and writes evaluation_SPLIT.json and
    confusion_SPLIT.png into the run's folder; with --calibration reliability_SPLIT.png, with
    --per-image images_SPLIT.csv, with --rank ranking_SPLIT.csv and risk_coverage_SPLIT.png. Void
    pixels take no part; a class that neither the truth nor the prediction holds is left out of the
    means. Of several runs, and with --tta, each run is scored by itself too, to say what averaging
    is worth.
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_runs

    opened = open_runs(named or None, runs)
    printer = start()

    from kseg.workflows.evaluate import evaluate

    words |= {"weights": weights or None, "per_image": per_image, "progress": printer}
    found = evaluate(opened, **words)
    if per_image:
        from kseg.reports.tables import worst_images

        worst = worst_images(found)[:5]
        printer.facts([("worst", ", ".join(f"{row[0]} {row[1]:.3f}" for row in worst))])
    if found.ranking is not None:
        from kseg.reports.tables import doubtful_images

        first = ", ".join(f"{row[0]} {row[1]:.3f}" for row in doubtful_images(found)[:5])
        ranking = found.ranking
        order = (
            f"area under risk over coverage {ranking.area:.3f}; random {ranking.random_area:.3f}, "
            f"best {ranking.oracle_area:.3f}"
        )
        printer.facts([("look first", f"{first} (uncertainty)"), ("ranking", order)])
