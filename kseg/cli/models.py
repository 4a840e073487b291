"""`kseg models`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kseg.cli.fields import chosen, recipe_options
from kseg.cli.options import Size, one_of
from kseg.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from kseg.cli.printer import Printer
    from kseg.models.measures import Measures
    from kseg.workflows.models import Description

FIELDS = (
    "data.channels",
    "model.width",
    "model.encoder",
    *(f"model.{name}" for name in ("filters", "decoder_filters", "output")),
    *(f"model.{name}" for name in ("block", "down", "up", "skip", "head")),
)


@click.command()
@click.argument(
    "arch", required=False, metavar="[ARCH]", callback=one_of(ARCHITECTURES, "architecture")
)
@click.option(
    "--size",
    type=Size(),
    default="256",
    show_default=True,
    help="Height and width of the image for which FLOPs are counted.",
)
@click.option(
    "--classes", type=click.IntRange(1), default=2, show_default=True, help="Number of classes."
)
@recipe_options(FIELDS)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to draw the picture.  [default: ARCH.png]",
)
def models(
    arch: str | None,
    size: tuple[int, int],
    classes: int,
    out: Path | None,
    set: dict[str, Any],
    **choices: Any,
) -> None:
    """List the architectures, or describe ARCH: its layers as a table, its graph as a picture.

    Described is the network of one head. FLOPs are those of one image: multiplications and
    additions of convolutions, dense layers and attention. The receptive field is the part of the
    image, in pixels, that one output pixel sees.
    """
    from kseg.cli.printer import start

    given = chosen(choices)
    if arch is None and (set or out or given.keys() - {"width"}):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given if name != "width")
        raise click.UsageError(
            f"{options or '--set and --out'} describe one architecture: kseg models ARCH."
        )
    printer = start()
    if arch is None:
        _list(printer, size, classes, given.get("width"))
        return

    from kseg.workflows.models import describe_model

    out = out or Path(f"{arch}.png")
    _describe(
        printer, arch, size, describe_model(arch, out, size=size, classes=classes, set=set, **given)
    )


def _list(printer: "Printer", size: tuple[int, int], classes: int, width: int | None) -> None:
    from kseg.encoders.catalog import ENCODERS
    from kseg.workflows.models import measure_models

    printer.console.print(
        f"[bold]{'architecture':<16} {'parameters':>11} {'GFLOPs':>7} {'sees':>7}  paper[/bold]"
    )
    for arch, measures in measure_models(size=size, classes=classes, width=width):
        entry = ARCHITECTURES[arch]
        printer.say(
            f"{arch:<16} {measures.parameters:>11,} {measures.flops / 1e9:>7.1f} "
            f"{_seen(measures):>7}  {entry.paper} {entry.year}"
        )
    takers = ", ".join(name for name, entry in ARCHITECTURES.items() if entry.encoder)
    printer.show(
        f"\nAt {size[0]}x{size[1]} pixels, {classes} classes. 'sees' is the receptive field's side "
        f"in pixels; 'image' where all of it counts.\nAny encoder, by --encoder: {takers}.\n"
        f"Encoders: {', '.join(ENCODERS)}."
    )


def _describe(printer: "Printer", arch: str, size: tuple[int, int], found: "Description") -> None:
    entry, measures = ARCHITECTURES[arch], found.measures
    found.network.summary(line_length=110, print_fn=lambda text, **_: printer.show(text))
    uncounted = ", ".join(measures.uncounted)
    printer.facts(
        [
            ("network", f"{arch}, {entry.paper} {entry.year}, {entry.url}"),
            ("parameters", f"{measures.parameters:,}"),
            ("FLOPs", f"{measures.flops / 1e9:.1f} billion at {size[0]}x{size[1]}"),
            *([("", f"without those of {uncounted}, which are not known")] if uncounted else []),
            ("sees", f"{_seen(measures)} pixels" if measures.receptive_field else "the image"),
            ("builder", f"kseg.{entry.builder.split(':')[1]}"),
            ("written", str(found.picture)),
        ]
    )


def _seen(measures: "Measures") -> str:
    return str(measures.receptive_field or "image")
