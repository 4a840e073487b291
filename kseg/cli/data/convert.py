"""`kseg data convert`."""

import shlex
from pathlib import Path

import click

from kseg.cli.options import data_argument, mask_suffix_option


@click.command()
@data_argument
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@mask_suffix_option
def convert(data: Path, out: Path, mask_suffix: str) -> None:
    """Write DATA into the folder OUT in kseg's own form, masks as class indices.

    OUT gets images/ and masks/, in train/, val/ and test/ where DATA is split, and classes.json.
    Images are copied as they are; masks become palette PNGs whose values are the classes.
    """
    from kseg.cli.printer import Printer
    from kseg.data.tools import conversion

    printer = Printer()
    with printer.counting("converting", None) as on_pair:
        labels, note, count = conversion.convert(data, out, mask_suffix, on_pair)
    names = ", ".join(labels.names[:8]) + (", ..." if len(labels) > 8 else "")
    printer.facts(
        [
            ("read", note),
            ("written", f"{count} pairs, {len(labels)} classes ({names}) to {out}"),
            ("next", f"kseg train --data {shlex.quote(str(out))}"),
        ],
    )
