"""`kseg data show`."""

from pathlib import Path

import click

from kseg.cli.options import (
    Size,
    augment_option,
    channels_option,
    data_argument,
    mask_suffix_option,
)


@click.command()
@data_argument
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    help="Split to show.  [default: train, or all where the data is not split]",
)
@click.option(
    "--count", type=click.IntRange(1, 50), default=6, show_default=True, help="Images to draw."
)
@augment_option
@click.option(
    "--size", type=Size(), default=(256, 256), help="Crop of the changed ones.  [default: 256]"
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which images.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("samples.png"),
    show_default=True,
    help="PNG to write.",
)
@mask_suffix_option
@channels_option
def show(
    data: Path,
    split: str | None,
    count: int,
    augment: str | None,
    size: tuple[int, int],
    seed: int,
    out: Path,
    mask_suffix: str,
    channels: int,
) -> None:
    """Draw images of DATA, chosen by seed, with their masks over them, and a legend.

    With --augment three changed versions of each are drawn beside it.
    """
    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.data import show_data

    note = show_data(
        data,
        out,
        split=split,
        count=count,
        augment=augment,
        size=size,
        seed=seed,
        mask_suffix=mask_suffix,
        channels=channels,
    )
    printer.facts([("data", note), ("written", str(out))])
