"""`kseg export`."""

from pathlib import Path
from typing import Any

import click

from kseg.cli.options import Size, runs_option


@click.command()
@click.argument("run", required=False)
@click.option(
    "--format",
    type=click.Choice(["saved_model", "onnx", "openvino", "litert"]),
    default="saved_model",
    show_default=True,
    help="What runs it: TensorFlow, ONNX Runtime, OpenVINO, or LiteRT on phones.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for it.  [default: one in the run's, named as the format]",
)
@click.option(
    "--output",
    type=click.Choice(["classes", "probabilities"]),
    default="classes",
    show_default=True,
    help="What it says of each pixel: the class, or the probability of each.",
)
@click.option(
    "--size",
    type=Size(),
    help="Resize images to this inside, and bring the answer back.  [default: as they are]",
)
@click.option("--overwrite", is_flag=True, help="Replace an export that is there.")
@runs_option
def export(run: str | None, runs: Path, **words: Any) -> None:
    """Write RUN, by default the newest, for programs that know neither kseg nor Keras.

    It takes raw pixels of images of any size, and scales and pads them inside. What was written is
    run on two images of the run's data and held against the run's own answers.
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_run

    opened = open_run(run, runs)
    printer = start()
    printer.opened(opened, "")

    from kseg.workflows.export import export

    found = export(opened, **words)
    sizes = " and ".join(f"{height}x{width}" for height, width in found.sizes)
    what = "images of its data" if found.is_real else "noise, as its data is not there"
    agreed = f"{found.agreement:.2%} of the pixels are of the same class"
    facts = [
        ("written", f"{found.path}, {found.classes.name} beside it"),
        ("checked", f"on {what}, {sizes}: {agreed}"),
    ]
    if words["output"] == "probabilities":
        facts.append(("", f"largest difference {found.difference:.2g}"))
    printer.facts(facts)
