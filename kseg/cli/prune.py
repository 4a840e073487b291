"""`kseg prune`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg.cli.options import device_option, named, runs_option

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.workflows.prune import Pruning


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
@device_option
@runs_option
def prune(
    run: str | None,
    tolerance: float,
    level: int | None,
    auto: bool,
    name: str | None,
    device: str | None,
    runs: Path,
) -> None:
    """Measure each head of RUN, by default the newest with several, and cut it back.

    RUN was trained with several heads, such as a U-Net++. Each head is scored on the validation
    split; the table and levels.png show what each costs. The smallest network within the tolerance
    is recommended; with --level or --auto it is written as a run of its own.
    """
    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.prune import prune

    found = prune(
        run,
        tolerance=tolerance,
        level=level,
        auto=auto,
        name=name,
        device=device,
        runs=runs,
        progress=printer,
    )
    _print_levels(printer.console, found)
    whole, best = found.levels[-1], found.recommended
    if found.pruned is not None:
        facts = [
            ("run", str(found.pruned.path)),
            ("next", f"kseg predict --run {named(found.pruned.path)} IMAGE"),
        ]
    elif level or auto:
        facts = [("kept", f"{found.run.name}: {whole.head} is the whole network")]
    elif best is not whole:
        facts = [("next", f"kseg prune {named(found.run.path)} --level {best.level}")]
    else:
        facts = [("kept", f"no smaller head is within {tolerance:g} of the best one's mean IoU")]
    printer.facts(facts)


def _print_levels(console: "Console", found: "Pruning") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("level")
    for title in ("head", "mean IoU", "parameters", "GFLOPs", "images/s", "MB", ""):
        table.add_column(title, justify="left" if title in ("head", "") else "right")
    for level in found.levels:
        table.add_row(
            str(level.level or "all"),
            level.head,
            f"{level.mean_iou:.3f}",
            f"{level.parameters:,}",
            f"{level.flops / 1e9:.2f}",
            f"{level.images_per_second:.1f}",
            f"{level.bytes / 1e6:.1f}",
            "recommended" if level is found.recommended else "",
        )
    console.print(table)
