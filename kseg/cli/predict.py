"""`kseg predict`."""

from pathlib import Path

import click

from kseg.cli.options import runs_option


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
@runs_option
def predict(images: tuple[str, ...], run: str | None, out: Path, runs: Path) -> None:
    """Predict the masks of images: files, folders (all images in them) and patterns like '*.jpg'.

    Writes NAME_mask.png, whose pixels are class indices shown in their colours, and
    NAME_overlay.png for each, and prints the area of each class. A file that cannot be read is
    reported and passed over; the exit code is then 1.
    """
    from kseg import artifacts, machine
    from kseg.cli.terminal import open_console, print_device, print_facts
    from kseg.prediction import find_images, predict_files

    paths = find_images(images)
    folder = artifacts.find_run(runs, run)
    console = open_console()
    print_device(console, machine.backend(), machine.device())
    predictor, labels = folder.open_predictor(), folder.read_labels()
    print_facts(console, [("run", str(folder.path))])
    failed = 0
    for path, result in predict_files(paths, predictor, labels, out):
        if isinstance(result, ValueError):
            failed += 1
            click.echo(f"Error: {result}", err=True)
        else:
            shares = [
                f"{name} {share:.1%}"
                for name, share in sorted(result.areas.items(), key=lambda item: -item[1])
            ]
            console.print(f"{path} -> {result.mask}: {', '.join(shares)}", markup=False)
    done = len(paths) - failed
    print_facts(console, [("written", f"masks and overlays of {done} images in {out}")])
    if failed:
        raise click.ClickException(f"{failed} of {len(paths)} images could not be read.")
