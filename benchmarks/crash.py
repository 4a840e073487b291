"""Trainings killed at random moments, and continued: do they end as one that was never killed?

    python benchmarks/crash.py --data camvid --times 50

Each is `kseg train` on a part of real images, ended by SIGKILL at a random moment after its folder
has appeared: while it compiles, steps, writes what is kept, validates, or scores; every fifth one
before, while it starts and reads. Then `kseg train --resume` goes on, or
the training is begun again where nothing had been kept yet. It must end with the weights, history
and scores of a training that ran through, equal in every bit, and no file may be damaged.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import numpy as np

TRAINING = {
    "arch": "unet",
    "width": 4,
    "block": "double_convolution(dropout=0.1)",
    "size": "96x128",
    "max-side": 160,
    "batch-size": 4,
    "epochs": 6,
    "average": 0.2,
    "checkpoint-minutes": 0.02,
    "precision": "float32",
    "seed": 1,
}


def part_of(data: Path, images: int, to: Path) -> Path:
    """Copy some images of each split, with their masks."""
    for split in ("train", "val", "test"):
        for folder in ("images", "masks"):
            (to / split / folder).mkdir(parents=True)
        masks = {path.stem: path for path in (data / split / "masks").iterdir()}
        for image in sorted((data / split / "images").iterdir())[:images]:
            shutil.copy(image, to / split / "images")
            shutil.copy(masks[image.stem], to / split / "masks")
    if (data / "classes.json").exists():
        shutil.copy(data / "classes.json", to)
    return to


def started(*arguments: str, runs: Path) -> subprocess.Popen:
    """Start a `kseg train`."""
    command = [sys.executable, "-m", "kseg", "train", "--runs", str(runs), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )


def appeared(run: Path, process: subprocess.Popen) -> float:
    """Wait for a run's folder; return when it was there, or the process had ended."""
    while not run.exists() and process.poll() is None:
        time.sleep(0.05)
    return time.perf_counter()


def ended(process: subprocess.Popen) -> str:
    """Wait for the end of a process; return what it said.

    Raises:
        ClickException: It failed.
    """
    said, _ = process.communicate()
    if process.returncode:
        raise click.ClickException(said[-3000:])
    return said


def moment(run: Path) -> str:
    """Say from its folder in what a training was killed."""
    if (run / "scores.json").exists():
        return "drawing"
    if (run / "training.json").exists():
        return "scoring"
    if list(run.glob(".kseg-*")):
        return "writing"
    if (run / "resume.npz").exists():
        return "training"
    return "before the first step was kept"


def differences(one: Path, other: Path) -> list[str]:
    """Name what two runs differ in."""
    import keras

    found = [
        name
        for name in ("history.csv", "scores.json")
        if (one / name).read_bytes() != (other / name).read_bytes()
    ]
    for name in ("model.keras", "last.keras"):
        weights = [keras.models.load_model(run / name).get_weights() for run in (one, other)]
        if not all(map(np.array_equal, *weights)):
            found.append(name)
    return found


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder of splits.")
@click.option("--images", default=16, show_default=True, help="Images of each split.")
@click.option("--times", default=50, show_default=True, help="Trainings that are killed.")
@click.option("--seed", default=0, show_default=True, help="Seed of the moments.")
def main(data: Path, images: int, times: int, seed: int) -> None:
    """Print how many ended equal, and in what they were killed."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        runs = root / "runs"
        options = {"data": part_of(data, images, root / "data"), **TRAINING}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        start = time.perf_counter()
        process = started(*arguments, "--name", "whole", runs=runs)
        begun = appeared(runs / "whole", process)
        ended(process)
        length = time.perf_counter() - begun
        killed, equal = Counter[str](), 0
        for number in range(times):
            name = f"killed-{number}"
            process = started(*arguments, "--name", name, runs=runs)
            if number % 5:
                appeared(runs / name, process)
                time.sleep(rng.uniform(0, length))
            else:
                time.sleep(rng.uniform(0, begun - start))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            when = moment(runs / name)
            killed[when] += 1
            way = ["--resume", name] if (runs / name / "resume.npz").exists() else []
            if when in ("scoring", "drawing"):
                way = ["--resume", name]
            anew = [*arguments, "--name", name, "--overwrite"]  # an epoch may lie there, no state
            going_on = started(*(way or anew), runs=runs)
            said, _ = going_on.communicate()
            if going_on.returncode and "is finished" not in said:  # killed after its last file
                raise click.ClickException(said[-3000:])
            found = differences(runs / "whole", runs / name)
            equal += not found
            click.echo(f"{number}: killed while {when}; {', '.join(found) or 'equal'}")
            shutil.rmtree(runs / name)
        left = [path.name for path in runs.iterdir() if path.name != "whole"]
        click.echo(f"equal {equal} of {times}; left behind: {left}; {json.dumps(killed)}")


if __name__ == "__main__":
    main()
