"""`kseg predict`."""

from pathlib import Path
from typing import Any

import click

from kseg._text import printable
from kseg.cli.options import (
    checked_by,
    device_option,
    engine_option,
    runs_option,
    shown_options,
    tta_option,
    uncertainty_option,
    weight_option,
)
from kseg.inference.settings import AUTO, read_kinds


class Shard(click.ParamType):
    """`I/N`, such as `1/4`."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return `(i, n)`."""
        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            self.fail(f"{value!r} is no part of a whole, such as 1/4 or 4/4.", param, ctx)
        return int(number), int(count)


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--run",
    "named",
    multiple=True,
    metavar="RUN",
    help="Run to use; given several times, or the name of folds, their answers are averaged.  "
    "[default: the newest]",
)
@weight_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("predictions"),
    show_default=True,
    help="Folder for masks and overlays.",
)
@click.option(
    "--write",
    metavar="KINDS",
    callback=checked_by(read_kinds),
    help="Write more, such as uncertainty+areas: uncertainty (a map, brighter where the network is "
    "less sure), confidence (PNG of 16 bits), probabilities (NPZ), geojson (regions as polygons) "
    "of each image; areas (CSV of pixels and regions per class), coco (regions) of all.",
)
@click.option(
    "--smallest",
    type=click.IntRange(0),
    default=0,
    help="Give regions of fewer pixels, holes too, to the class around them.",
)
@click.option(
    "--largest",
    multiple=True,
    metavar="CLASS",
    help="Keep the largest region alone of this class; may be given several times.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Part of the classes' colours in an overlay.",
)
@click.option("--contours", is_flag=True, help="Draw the outlines of the regions alone.")
@click.option(
    "--rank",
    is_flag=True,
    help="Say which images to look at first, for the network is least sure of them; all are listed "
    "in ranking.csv.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Predict images again whose results are there, made from the same image and network.",
)
@click.option(
    "--shard",
    type=Shard(),
    default="1/1",
    help="Take every N-th image alone, from the I-th on: several machines share a folder.",
)
@tta_option
@uncertainty_option
@shown_options
@engine_option(AUTO)
@device_option
@runs_option
def predict(
    images: tuple[str, ...],
    named: tuple[str, ...],
    weights: tuple[float, ...],
    out: Path,
    rank: bool,
    runs: Path,
    **words: Any,
) -> None:
    """Predict the masks of images: files, folders (all images in them) and patterns like '*.jpg'.

    Writes NAME_mask.png, whose pixels are class indices shown in their colours, and
    NAME_overlay.png for each, below --out in the folders that the image lies in, and prints the
    area of each class. A file that cannot be read is reported and passed over; the exit code is
    then 1. Results that are there, of the same image and network, stay: a job that was killed goes
    on. A TIFF of any size is read by rows, with --resize none, and its mask is written as one.
    """
    from kseg.cli.printer import Printer
    from kseg.cli.words import as_typed
    from kseg.runs.finding import open_runs

    opened = open_runs(named or None, runs)
    printer = Printer()

    from kseg.workflows.predict import predict

    failed = kept = 0
    doubts: list[tuple[str, float]] = []
    words |= {"weights": weights or None, "out": out, "progress": printer}
    for found in predict(opened, images, **words):
        if found.error is not None:
            failed += 1
            said = as_typed(str(found.error), click.get_current_context().command)
            click.echo(printable(f"Error: {said}"), err=True)
            continue
        doubts.append((str(found.source), found.uncertainty or 0.0))
        if found.is_kept:
            kept += 1
            continue
        shares = sorted((found.areas or {}).items(), key=lambda item: -item[1])
        listed = ", ".join(f"{name} {share:.1%}" for name, share in shares)
        printer.say(f"{found.source} -> {found.written[0]}: {listed}")
    more = "".join(f", {kind}" for kind in read_kinds(words["write"]))
    images_of = f"of {len(doubts) - kept} images in {out}"
    printer.facts([("written", f"masks and overlays{more} {images_of}")])
    if kept:
        printer.facts([("", f"{kept} were there, of the same image and network (--again)")])
    if rank and doubts:
        from kseg.reports.tables import of_shard, write_doubts

        path = of_shard(out / "ranking.csv", words["shard"])
        listed = ", ".join(f"{name} {value:.3f}" for name, value in write_doubts(doubts, path)[:5])
        printer.facts([("look first", f"{listed} (uncertainty)"), ("", f"all: {path}")])
    if failed:
        raise click.ClickException(f"{failed} of {len(doubts) + failed} images could not be read.")
