"""`kseg data import`."""

import shlex
from pathlib import Path

import click

from kseg.cli.options import download_option, image_key_option, mask_key_option


class Split(click.ParamType):
    """`train=train[:80%]`."""

    name = "NAME=SPLIT"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return kseg's name and TFDS's."""
        name, equals, spelled = value.partition("=")
        if not equals or name not in ("train", "val", "test") or not spelled:
            self.fail(
                f"expected train, val or test and a split of TFDS, such as train=train[:80%]. "
                f"Received: {value}",
                param,
                ctx,
            )
        return name, spelled


@click.command("import")
@click.argument("name")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--split",
    "splits",
    type=Split(),
    multiple=True,
    help="What to read for train, val or test, in the language of TFDS.  [default: train, "
    "validation and test, as far as there are such]",
)
@image_key_option
@mask_key_option
@download_option
def import_(
    name: str,
    out: Path,
    splits: tuple[tuple[str, str], ...],
    image_key: str,
    mask_key: str,
    download: bool,
) -> None:
    """Write the data set NAME of TensorFlow Datasets as files into the folder OUT.

    NAME is oxford_iiit_pet (pet, background, border), oxford_iiit_pet:border-is-pet or
    oxford_iiit_pet:border-is-void (background, pet), or tfds:NAME for any other. Nothing is
    downloaded without --download.
    """
    for split in {name for name, _ in splits}:
        if [name for name, _ in splits].count(split) > 1:
            raise click.UsageError(f"--split {split}=... is given twice.")
    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.data import import_data

    counts = import_data(
        name,
        out,
        splits=dict(splits),
        image_key=image_key,
        mask_key=mask_key,
        download=download,
        progress=printer,
    )
    listed = ", ".join(f"{count} of {split}" for split, count in counts.items())
    printer.facts(
        [("written", f"{listed} to {out}"), ("next", f"kseg data check {shlex.quote(str(out))}")]
    )
