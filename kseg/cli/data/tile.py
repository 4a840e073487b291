"""`kseg data tile`."""

import shlex
from pathlib import Path

import click

from kseg.cli.options import Size, channels_option, data_argument, mask_suffix_option
from kseg.errors import KsegError


@click.command()
@data_argument
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--how",
    type=click.Choice(["grid", "five", "rotations"]),
    default="grid",
    show_default=True,
    help="Windows that cover all; the four corners and the centre; or windows turned at random, "
    "without black borders.",
)
@click.option("--size", type=Size(), default=(512, 512), help="Size of a crop.  [default: 512]")
@click.option(
    "--overlap", type=click.IntRange(0), default=0, show_default=True, help="Of a grid, in pixels."
)
@click.option(
    "--count", type=click.IntRange(1), default=8, show_default=True, help="Rotations per image."
)
@click.option(
    "--angle",
    type=click.FloatRange(0, 180),
    default=20.0,
    show_default=True,
    help="Largest rotation, in degrees.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of rotations.")
@mask_suffix_option
@channels_option
def tile(
    data: Path,
    out: Path,
    how: str,
    size: tuple[int, int],
    overlap: int,
    count: int,
    angle: float,
    seed: int,
    mask_suffix: str,
    channels: int,
) -> None:
    """Cut the images of DATA and their masks into crops, in the folder OUT.

    Crops that are there already are not cut again: a run that was broken off goes on.
    """
    from kseg.cli.printer import Printer
    from kseg.data.tools import tiling

    try:
        cut = tiling.Cut(how, size, overlap, count, angle, seed)
    except KsegError as error:
        raise click.UsageError(str(error)) from None
    printer = Printer()
    with printer.counting("cutting", None) as on_pair:
        number = tiling.tile(data, out, cut, mask_suffix, on_pair, channels)
    # Crops of one photo overlap: where kseg is to split, they stay together.
    together = "" if (out / "val").is_dir() else ' --split-by "group:^(.*)_"'
    bands = "" if channels == 3 else f" --channels {channels}"
    facts = [
        ("written", f"{number} crops to {out}"),
        ("next", f"kseg train --data {shlex.quote(str(out))}{bands}{together}"),
    ]
    printer.facts(facts)
