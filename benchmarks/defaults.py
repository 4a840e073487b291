"""What each default gives: one change at a time, on one data set, by images seen and not by time.

    python benchmarks/defaults.py --data camvid --only unet
    python benchmarks/defaults.py --data camvid --seed 1 --images 6000

Each line trains the default with one choice changed, and scores the last weights on the validation
split at full size: mean IoU, then the classes that have under 2 % of the pixels. What was found is
kept in a JSON beside the runs, so that a broken-off table goes on where it stopped.
`docs/defaults.md` holds what was found and what was made of it.
"""

import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click

import kseg

UNET: dict[str, dict[str, Any]] = {
    "default": {},
    "before 2026-12": {
        "optimizer": "adamw",
        "max_side": 256,
        "scale": (0.9, 1.2),
        "learning_rate": 3e-3,
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "average": 0,
    },
    "peak rate 1e-3": {"learning_rate": 1e-3},
    "peak rate 6e-3": {"learning_rate": 6e-3},
    "peak rate 1e-2": {"learning_rate": 1e-2},
    "AdamW": {"optimizer": "adamw"},
    "batch 2": {"batch_size": 2},
    "batch 8": {"batch_size": 8},
    "weight decay 1e-4": {"weight_decay": 1e-4},
    "weight decay 5e-2": {"weight_decay": 5e-2},
    "cosine": {"schedule": "cosine"},
    "no average of weights": {"average": 0},
    "average over 10 %": {"average": 0.1},
    "images up to 256": {"max_side": 256},
    "images up to 480": {"max_side": 480},
    "scale 0.5 to 2": {"scale": (0.5, 2.0)},
    "scale 1 to 1.6": {"scale": (1.0, 1.6)},
    "no class weights": {"class_weights": "none"},
    "median class weights": {"class_weights": "median"},
    "ce+dice": {"loss": "ce+dice"},
    "ce+lovasz": {"loss": "ce+lovasz"},
    "topk": {"loss": "topk"},
    "rare crops": {"crop": "rare"},
    "bfloat16": {"precision": "bfloat16"},
    "doubled bilinearly": {"up": "upsample"},
    "doubled by nearest": {"up": "upsample(interpolation=nearest)"},
}
PRETRAINED: dict[str, dict[str, Any]] = {
    "default": {},
    "peak rate 1e-3": {"learning_rate": 1e-3},
    "peak rate 5e-3": {"learning_rate": 5e-3},
    "encoder at the same rate": {"encoder_rate": 1.0},
    "encoder at a tenth": {"encoder_rate": 0.1},
    "batch 4": {"batch_size": 4},
    "weight decay 1e-4": {"weight_decay": 1e-4},
    "no average of weights": {"average": 0},
    "decoder to stride 2": {"filters": (96, 64, 48, 32)},
    "decoder to full size": {"filters": (96, 64, 48, 32, 16)},
    "narrow decoder": {"filters": (64, 48, 32)},
    "wide decoder": {"filters": (128, 96, 64)},
    "images up to 320": {"max_side": 320},
    "scale 0.5 to 2": {"scale": (0.5, 2.0)},
    "no class weights": {"class_weights": "none"},
    "ce+lovasz": {"loss": "ce+lovasz"},
    "rare crops": {"crop": "rare"},
    "from scratch": {"weights": "none"},
}
ARCHS = {
    "unet": ({"arch": "unet"}, UNET),
    "pretrained": ({"arch": "encoder_unet", "encoder": "efficientnet_lite0"}, PRETRAINED),
}


@click.command()
@click.option("--data", required=True, help="A folder as `kseg train` takes it.")
@click.option("--only", type=click.Choice(list(ARCHS)), help="One of the two networks.")
@click.option("--change", "changes", multiple=True, help="Some lines of the table.")
@click.option("--images", default=3000, show_default=True, help="Images seen per line.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", default="defaults", show_default=True, type=click.Path(path_type=Path))
def main(
    data: str, only: str | None, changes: tuple[str, ...], images: int, seed: int, out: Path
) -> None:
    """Print a line per change, and keep it in OUT/results.json."""
    out.mkdir(exist_ok=True)
    kept = out / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    size = (96, 96) if data == "shapes" else None
    samples = len(kseg.data.Source(data, size=size).open().train)
    for arch in [only] if only else ARCHS:
        network, table = ARCHS[arch]
        for change in changes or table:
            key = f"{Path(data).name}, {arch}, {change}, {images} images, seed {seed}"
            if key not in results:
                results[key] = trained(
                    data, {**network, **table[change]}, images, samples, seed, out
                )
                kept.write_text(json.dumps(results, indent=1))
            found = results[key]
            rare = ", ".join(f"{name} {value:.2f}" for name, value in found["rare"].items())
            click.echo(f"{found['mean_iou']:.3f}  {key}, {found['seconds']:.0f} s: {rare}")


def trained(
    data: str, choices: dict[str, Any], images: int, samples: int, seed: int, out: Path
) -> dict[str, Any]:
    """Train on about so many images; return the scores of the last weights."""
    from kseg.evaluation import evaluate
    from kseg.inference import load_model

    started = time.perf_counter()
    choices = {"precision": "float32", **choices}
    run = kseg.train(
        data=data,
        epochs=max(1, math.ceil(images / samples)),
        seed=seed,
        name="defaults",
        runs=out,
        overwrite=True,
        **choices,
    )
    seconds = time.perf_counter() - started
    source = run.source()
    val = source.split("val", run.labels)
    scores = evaluate(run.predictor_of(load_model(run.last_model_file)), val).scores
    pixels = scores.matrix.sum(axis=1)
    rare = {
        name: float(iou)
        for name, iou, share in zip(
            run.labels.names, scores.iou, pixels / pixels.sum(), strict=True
        )
        if share < 0.02
    }
    shutil.copy(run.path / "recipe.yaml", out / "last_recipe.yaml")
    return {"mean_iou": float(scores.mean_iou), "rare": rare, "seconds": seconds}


if __name__ == "__main__":
    main()
