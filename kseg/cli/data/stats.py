"""`kseg data stats`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg._text import printable
from kseg.cli.options import channels_option, data_argument, json_option, mask_suffix_option

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.data.statistics import Statistics
    from kseg.labels import Labels


@click.command()
@data_argument
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    help="Split to count.  [default: train, or all where the data is not split]",
)
@mask_suffix_option
@channels_option
@json_option
def stats(data: Path, split: str | None, mask_suffix: str, channels: int, as_json: bool) -> None:
    """Count what DATA holds: pixels, images, regions per class, sizes, colours, class weights."""
    import json

    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.data import count_data

    found = count_data(
        data, split=split, mask_suffix=mask_suffix, channels=channels, progress=printer
    )
    statistics, labels = found.statistics, found.labels
    if as_json:
        click.echo(json.dumps(statistics.to_dict(labels), indent=2))
        return
    printer.facts([("data", f"{len(statistics.sizes)} pairs"), ("", found.note)])
    _print_classes(printer.console, statistics, labels)
    _print_images(printer.console, statistics)


def _print_classes(console: "Console", found: "Statistics", labels: "Labels") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = found.to_dict(labels)["classes"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class")
    titles = ("pixels", "part", "images", "regions", "median px")
    weights = ("median", "enet", "inverse", "effective")
    for title in (*titles, *weights):
        table.add_column(title, justify="right")
    for name, row in rows.items():
        table.add_row(
            Text(printable(name)),
            f"{row['pixels']:,}",
            f"{row['part']:.2%}",
            f"{row['images']:,}",
            f"{row['regions']:,}",
            f"{row['median_region']:,.0f}",
            *(f"{row['weights'][kind]:.2f}" for kind in weights),
        )
    void = int(found.void.sum())
    table.add_row("void", f"{void:,}", f"{void / found.total:.2%}", *[""] * 7)
    console.print(table)


def _print_images(console: "Console", found: "Statistics") -> None:
    from kseg.cli.terminal import print_facts

    smallest, median, largest = (
        "x".join(f"{side:.0f}" for side in size) for size in found.size_range
    )
    sizes = smallest if smallest == largest else f"{smallest} to {largest}, median {median}"
    mean, std = (", ".join(f"{value:.1f}" for value in x) for x in (found.mean, found.std))
    print_facts(
        console,
        [
            ("sizes", f"{sizes} (height x width)"),
            ("colours", f"mean {mean}; standard deviation {std} (each channel, in 0..255)"),
            ("weights", "columns median to effective: what --class-weights takes by that name"),
        ],
    )
