"""`kseg evaluate`."""

from pathlib import Path

import click

from kseg.cli.options import mask_suffix_option, runs_option


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
@click.option("--border", is_flag=True, help="Score the borders of the classes too.")
@click.option(
    "--border-tolerance",
    type=click.FloatRange(0, min_open=True),
    default=3.0,
    show_default=True,
    help="Distance, in pixels, up to which a border is met.",
)
@click.option("--calibration", is_flag=True, help="Compare probabilities with how often they hold.")
@click.option("--per-image", is_flag=True, help="Score each image by itself; print the worst.")
@runs_option
def evaluate(
    run: str | None,
    data: str | None,
    split: str | None,
    border: bool,
    border_tolerance: float,
    calibration: bool,
    per_image: bool,
    mask_suffix: str,
    runs: Path,
) -> None:
    """Score RUN, by default the newest, on a whole split.

    Prints a table of the classes and the means, and writes evaluation_SPLIT.json and
    confusion_SPLIT.png into the run's folder; with --calibration reliability_SPLIT.png, with
    --per-image images_SPLIT.csv. Void pixels take no part; a class that neither the truth nor the
    prediction holds is left out of the means.
    """
    from kseg import artifacts, machine
    from kseg.cli.terminal import counting, open_console, print_device, print_facts, print_scores

    console = open_console()
    folder = artifacts.find_run(runs, run)
    print_device(console, machine.backend(), machine.device())

    from kseg import evaluation, reports, training
    from kseg.data.sources.source import Source

    recipe = folder.read_recipe()
    if data:
        source = Source(data, recipe.size, val_fraction=0, mask_suffix=mask_suffix)
    else:
        source = training.source(recipe, kept=folder.read_splits())
    split = split or source.best_test
    samples = source.split(split, source.labels(folder.read_labels()))
    predictor = folder.open_predictor()
    print_facts(console, [("run", str(folder.path)), ("data", f"{source.data}, {split}")])
    with counting(console, "scoring", len(samples)) as on_image:
        found = evaluation.evaluate(
            predictor,
            samples,
            on_image,
            border=border_tolerance if border else None,
            calibration=calibration,
        )
    print_scores(console, found, split)
    written = reports.report_evaluation(folder, found, split)
    if per_image:
        worst = reports.worst_images(found)[:5]
        print_facts(console, [("worst", ", ".join(f"{row[0]} {row[1]:.3f}" for row in worst))])
        written.append(reports.report_images(folder, found, split))
    print_facts(console, [("written", ", ".join(str(path) for path in written))])
