"""`kseg predict`."""

from pathlib import Path

import click

from kseg._text import printable
from kseg.cli.options import device_option, flip_option, runs_option


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--run", metavar="RUN", help="Run to use.  [default: the newest]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("predictions"),
    show_default=True,
    help="Folder for masks and overlays.",
)
@flip_option
@device_option
@runs_option
def predict(
    images: tuple[str, ...], run: str | None, out: Path, flip: bool, device: str | None, runs: Path
) -> None:
    """Predict the masks of images: files, folders (all images in them) and patterns like '*.jpg'.

    Writes NAME_mask.png, whose pixels are class indices shown in their colours, and
    NAME_overlay.png for each, below --out in the folders that the image lies in, and prints the
    area of each class. A file that cannot be read is
    reported and passed over; the exit code is then 1.
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_run

    opened = open_run(run, runs)
    printer = start()

    from kseg.workflows.predict import predict

    done = failed = 0
    for found in predict(opened, images, out=out, flip=flip, device=device, progress=printer):
        if found.error is not None:
            failed += 1
            click.echo(printable(f"Error: {found.error}"), err=True)
            continue
        done += 1
        shares = sorted((found.areas or {}).items(), key=lambda item: -item[1])
        listed = ", ".join(f"{name} {share:.1%}" for name, share in shares)
        printer.say(f"{found.source} -> {found.written[0]}: {listed}")
    printer.facts([("written", f"masks and overlays of {done} images in {out}")])
    if failed:
        raise click.ClickException(f"{failed} of {done + failed} images could not be read.")
