"""`kseg prune`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg.cli.options import runs_option

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.evaluation.levels import Level


@click.command()
@click.argument("run", required=False)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Loss of mean IoU that is accepted for a smaller network.",
)
@click.option("--level", type=click.IntRange(1), help="Write the run cut back to this level.")
@click.option("--auto", is_flag=True, help="Write the run cut back to the recommended level.")
@click.option("--name", help="Name of the written run.  [default: RUN-levelN]")
@runs_option
def prune(
    run: str | None,
    tolerance: float,
    level: int | None,
    auto: bool,
    name: str | None,
    runs: Path,
) -> None:
    """Measure each head of RUN, by default the newest with several, and cut it back.

    RUN was trained with several heads, such as a U-Net++. Each head is scored on the validation
    split; the table and levels.png show what each costs. The smallest network within the tolerance
    is recommended; with --level or --auto it is written as a run of its own.
    """
    from kseg import artifacts, machine
    from kseg.cli.terminal import counting, open_console, print_device, print_facts

    _check(tolerance, level, auto, name, runs)
    console = open_console()
    folder = artifacts.find_run(runs, run, several_heads=True)
    print_device(console, machine.backend(), machine.device())

    from kseg import levels, reports, training
    from kseg.models.pruning import head_of

    heads = levels.open_heads(folder)
    head_of(heads, level)
    source = training.source(folder.read_recipe(), kept=folder.read_splits())
    samples = source.split("val", folder.read_labels())
    print_facts(console, [("run", f"{folder.path}, {len(samples)} images of val")])
    with counting(console, "scoring", None) as on_image:
        found = levels.measure_levels(folder, heads, samples, on_image)
    best = levels.recommend(found, tolerance)
    _print_levels(console, found, best)
    picture = reports.report_levels(folder, found, best)
    print_facts(console, [("written", str(picture))])
    if not (level or auto):
        if best is not found[-1]:
            print_facts(console, [("next", f"kseg prune {folder.name} --level {best.level}")])
        return
    chosen = best if auto else next(one for one in found if one.level == level)
    if chosen is found[-1]:
        print_facts(console, [("kept", f"{folder.name}: {chosen.head} is the whole network")])
        return
    name = name or artifacts.free_name(runs, f"{folder.name}-level{chosen.level}")
    pruned = levels.write_pruned(folder, heads, chosen, runs, name)
    print_facts(console, [("run", str(pruned.path)), ("next", f"kseg predict --run {name} IMAGE")])


def _check(tolerance: float, level: int | None, auto: bool, name: str | None, runs: Path) -> None:
    from kseg import artifacts

    if tolerance != tolerance:
        raise click.BadParameter("expected a number from 0 to 1", param_hint="--tolerance")
    if level and auto:
        raise click.UsageError("Give --level or --auto, not both.")
    if name and not (level or auto):
        raise click.UsageError("--name names the run that --level or --auto writes.")
    if name and not artifacts.valid_name(name):
        raise click.BadParameter(
            f"'{name}': expected letters, digits, dots, dashes and underscores.",
            param_hint="--name",
        )
    if name and (runs / name).exists():
        raise click.BadParameter(f"{runs / name} exists. Choose another.", param_hint="--name")


def _print_levels(console: "Console", found: "Sequence[Level]", best: "Level") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("level")
    for title in ("head", "mean IoU", "parameters", "GFLOPs", "images/s", "MB", ""):
        table.add_column(title, justify="left" if title in ("head", "") else "right")
    for level in found:
        table.add_row(
            str(level.level or "all"),
            level.head,
            f"{level.mean_iou:.3f}",
            f"{level.parameters:,}",
            f"{level.flops / 1e9:.2f}",
            f"{level.images_per_second:.1f}",
            f"{level.bytes / 1e6:.1f}",
            "recommended" if level is best else "",
        )
    console.print(table)
