"""`kseg evaluate`."""

from pathlib import Path

import click

from kseg.cli.options import device_option, flip_option, mask_suffix_option, runs_option

BORDER = 3.0


@click.command()
@click.argument("run", required=False)
@click.option("--data", metavar="DATA", help="Another data set with the run's classes.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    help="Split to score; all is another data set in one piece.  [default: test, or val where "
    "there is no test, or all]",
)
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
@flip_option
@device_option
@runs_option
def evaluate(
    run: str | None,
    data: str | None,
    split: str | None,
    mask_suffix: str,
    border: float | None,
    calibration: bool,
    per_image: bool,
    flip: bool,
    device: str | None,
    runs: Path,
) -> None:
    """Score RUN, by default the newest, on a whole split.

    Prints a table of the classes and the means, and writes evaluation_SPLIT.json and
    confusion_SPLIT.png into the run's folder; with --calibration reliability_SPLIT.png, with
    --per-image images_SPLIT.csv. Void pixels take no part; a class that neither the truth nor the
    prediction holds is left out of the means.
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_run

    opened = open_run(run, runs)
    printer = start()

    from kseg.workflows.evaluate import evaluate

    found = evaluate(
        opened,
        data=data,
        split=split,
        mask_suffix=mask_suffix,
        border=border,
        calibration=calibration,
        per_image=per_image,
        flip=flip,
        device=device,
        progress=printer,
    )
    if per_image:
        from kseg.reports.tables import worst_images

        worst = worst_images(found)[:5]
        printer.facts([("worst", ", ".join(f"{row[0]} {row[1]:.3f}" for row in worst))])
