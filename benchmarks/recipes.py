"""The recipes of the examples on one data set, each for the same number of images seen.

    python benchmarks/recipes.py --data camvid
    python benchmarks/recipes.py --data camvid --recipe photo_7_skips --images 5000

They were published on data that nobody else has. Here each trains for about 1,000 images of the
same data, the wide ones made narrower (16 to 256 channels) and the squashed photos smaller
(256x256), and is scored on its validation split at full size. A line per recipe; more than the
recipe's own settings say is printed with it. Differences under 0.03 are the luck of a seed.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import click

import kseg

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "recipes"
NARROW: dict[str, Any] = {"filters": (16, 32, 64, 128, 256)}
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "driving_unet": ("driving_unet", NARROW),
    "driving_unet, bilinear": ("driving_unet", NARROW | {"up": "upsample"}),
    "driving_unet, dilation 2": (
        "driving_unet",
        NARROW | {"block": "double_convolution(dilation=2)"},
    ),
    "driving_unet, Dice": ("driving_unet", NARROW | {"loss": "dice"}),
    "driving_unet, Lovász per batch": (
        "driving_unet",
        NARROW | {"loss": "lovasz(over=batch, classes=present)"},
    ),
    "driving_unet, Lovász per image": (
        "driving_unet",
        NARROW | {"loss": "lovasz(over=image, classes=present)"},
    ),
    "driving_unet, soft IoU": ("driving_unet", NARROW | {"loss": "jaccard"}),
    "driving_unetpp": ("driving_unetpp", NARROW),
    "driving_unetpp, dilation 2": (
        "driving_unetpp",
        NARROW | {"block": "double_convolution(dilation=2)"},
    ),
    "street_unet": ("street_unet", NARROW),
    "street_unetpp": ("street_unetpp", NARROW),
    "parts_unet": ("parts_unet", NARROW | {"size": 256, "max_side": 256}),
    "photo_1_stack": ("photo_1_stack", {}),
    "photo_2_encoder_decoder": ("photo_2_encoder_decoder", {}),
    "photo_3_transposed": ("photo_3_transposed", {}),
    "photo_4_crops": ("photo_4_crops", {}),
    "photo_5_regularised": ("photo_5_regularised", {}),
    "photo_6_doubled": ("photo_6_doubled", {}),
    "photo_7_skips": ("photo_7_skips", {}),
    "photo_8_residual": ("photo_8_residual", {}),
    "photo_8_residual, inverse-area weights": (
        "photo_8_residual",
        {"class_weights": "inverse"},
    ),
    "photo_9_final": ("photo_9_final", {}),
}


def trained(name: str, data: str, images: int, seed: int, runs: Path) -> dict[str, Any]:
    """Train a recipe, and return what it scores."""
    file, changes = TRAININGS[name]
    count = len(kseg.data.Source(data).open().train)
    epochs = max(1, round(images / count))
    run = kseg.train(
        FOLDER / f"{file}.yaml",
        data=data,
        epochs=epochs,
        seed=seed,
        name=f"recipe-{list(TRAININGS).index(name)}",
        runs=runs,
        precision="float32",
        **changes,
    )
    return {
        "recipe": name,
        "seed": seed,
        "epochs": epochs,
        "images": epochs * count,
        "size": run.recipe.input.size,
        "batch": run.recipe.loop.batch_size,
        "val": round(run.scores.mean_iou, 3),
        "pixel accuracy": round(run.scores.pixel_accuracy, 3),
        "train": round(float(run.history["mean_iou"][-1]), 3),
        "changed": changes,
    }


@click.command()
@click.option("--data", required=True, help="A folder as `kseg train` takes it.")
@click.option("--images", default=1000, show_default=True, help="To be seen by each.")
@click.option("--seed", default=0, show_default=True)
@click.option("--recipe", "names", multiple=True, type=click.Choice(list(TRAININGS)))
@click.option("--out", default="recipes.jsonl", show_default=True, type=click.Path(path_type=Path))
def main(data: str, images: int, seed: int, names: tuple[str, ...], out: Path) -> None:
    """Print a line per recipe."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names or TRAININGS:
            line = json.dumps(trained(name, data, images, seed, Path(folder)), ensure_ascii=False)
            with out.open("a") as file:
                file.write(f"{line}\n")
            click.echo(line)


if __name__ == "__main__":
    main()
