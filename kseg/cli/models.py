"""`kseg models`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg.cli.options import Size, one_of
from kseg.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from kseg.models.measures import Measures


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
@click.option("--width", type=click.IntRange(1), help="Channels of the first level.")
@click.option(
    "--classes", type=click.IntRange(1), default=2, show_default=True, help="Number of classes."
)
@click.option("--encoder", metavar="NAME", help="Encoder under ARCH, if it takes any.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to draw the picture.  [default: ARCH.png]",
)
def models(
    arch: str | None,
    size: tuple[int, int],
    width: int | None,
    classes: int,
    encoder: str | None,
    out: Path | None,
) -> None:
    """List the architectures, or describe ARCH: its layers as a table, its graph as a picture.

    Described is the network of one head. FLOPs are those of one image: multiplications and
    additions of convolutions, dense layers and attention. The receptive field is the part of the
    image, in pixels, that one output pixel sees.
    """
    from kseg import machine
    from kseg.cli.terminal import open_console

    if arch is None and (encoder or out):
        raise click.UsageError("--encoder and --out describe one architecture: kseg models ARCH.")
    if arch is not None:
        _check(arch, width, encoder, out)
    console = open_console()
    machine.backend()
    if arch is None:
        _list(console, size, width, classes)
    else:
        _describe(console, arch, size, width, classes, encoder, out or Path(f"{arch}.png"))


def _check(arch: str, width: int | None, encoder: str | None, out: Path | None) -> None:
    from kseg.models import catalog

    if out is not None and out.suffix.lower() != ".png":
        raise click.BadParameter(f"expected a name that ends in .png. Received: {out}")
    try:
        catalog.check(arch, width=width, encoder=encoder)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _list(console: "Console", size: tuple[int, int], width: int | None, classes: int) -> None:
    from kseg.encoders.catalog import ENCODERS

    console.print(
        f"[bold]{'architecture':<16} {'parameters':>11} {'GFLOPs':>7} {'sees':>7}  paper[/bold]"
    )
    for arch, entry in ARCHITECTURES.items():
        _, measures = _built(arch, size, width, classes)
        console.print(
            f"{arch:<16} {measures.parameters:>11,} {measures.flops / 1e9:>7.1f} "
            f"{_seen(measures):>7}  {entry.paper} {entry.year}",
            markup=False,
        )
    takers = ", ".join(name for name, entry in ARCHITECTURES.items() if entry.encoder)
    console.print(
        f"\nAt {size[0]}x{size[1]} pixels, {classes} classes. 'sees' is the receptive field's side "
        f"in pixels; 'image' where all of it counts.\nAny encoder, by --encoder: {takers}.\n"
        f"Encoders: {', '.join(ENCODERS)}.",
        markup=False,
    )


def _describe(
    console: "Console",
    arch: str,
    size: tuple[int, int],
    width: int | None,
    classes: int,
    encoder: str | None,
    out: Path,
) -> None:
    from kseg.cli.terminal import print_facts
    from kseg.reports import report_network

    model, measures = _built(arch, size, width, classes, encoder)
    entry = ARCHITECTURES[arch]
    model.summary(line_length=110, print_fn=lambda text, **_: console.print(text, markup=False))
    picture = report_network(model, out, f"{arch}, {measures.parameters:,} parameters")
    print_facts(
        console,
        [
            ("network", f"{arch}, {entry.paper} {entry.year}, {entry.url}"),
            ("parameters", f"{measures.parameters:,}"),
            ("FLOPs", f"{measures.flops / 1e9:.1f} billion at {size[0]}x{size[1]}"),
            ("sees", f"{_seen(measures)} pixels" if measures.receptive_field else "the image"),
            ("builder", f"kseg.{entry.builder.split(':')[1]}"),
            ("written", str(picture)),
        ],
    )


def _built(
    arch: str,
    size: tuple[int, int],
    width: int | None,
    classes: int,
    encoder: str | None = None,
) -> "tuple[keras.Model, Measures]":
    """Build a network without making its weights, and measure it."""
    from kseg.models import catalog
    from kseg.models.measures import measure, shapes_only

    with shapes_only():
        model = catalog.build(arch, (*size, 3), classes, width=width, encoder=encoder, heads=1)
        return model, measure(model, size)


def _seen(measures: "Measures") -> str:
    return str(measures.receptive_field or "image")
