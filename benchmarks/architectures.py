"""Train every architecture for the same time on the built-in shapes, and compare.

    python benchmarks/architectures.py --minutes 2 --runs /tmp/architectures

Each is trained by `kseg train --arch NAME --minutes N`, all else by default, one after the other. A
run that is there already is not made again. Prints a Markdown table, the best first.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from kseg.artifacts import RunFolder

from kseg.callbacks.history import read_history
from kseg.inference.engines import load_model
from kseg.models.architectures import ARCHITECTURES


def train(arch: str, minutes: float, runs: Path) -> None:
    """Train an architecture by the command line, and time its epochs."""
    command = [sys.executable, "-m", "kseg", "train", "--arch", arch, "--name", arch]
    command += ["--minutes", str(minutes), "--runs", str(runs)]
    log = runs / f"{arch}.log"
    with log.open("w") as file:
        result = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    if result.returncode:
        print(log.read_text()[-2000:], file=sys.stderr)


def row(folder: RunFolder) -> tuple:
    """Return an architecture's parameters, seconds an epoch, epochs and mean IoU."""
    history = read_history(folder.history)
    seconds = [
        float(line.split()[-2])
        for line in folder.path.with_suffix(".log").read_text().splitlines()
        if line.startswith("epoch ") and line.endswith(" s")
    ]
    score = json.loads(folder.scores.read_text())["mean_iou"]
    weights = load_model(folder.model).trainable_weights
    parameters = sum(math.prod(weight.shape) for weight in weights)
    epochs = len(history["epoch"])
    return folder.name, parameters, seconds[-1] / epochs, epochs, score


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    rows = []
    for arch in ARCHITECTURES:
        folder = RunFolder(arguments.runs / arch)
        if not folder.scores.exists():
            train(arch, arguments.minutes, arguments.runs)
        if folder.scores.exists():
            rows.append(row(folder))
            print("{}: {:,} parameters, {:.1f} s, {} epochs, {:.3f}".format(*rows[-1]), flush=True)
    print("\n| architecture | parameters | seconds an epoch | epochs | mean IoU |")
    print("|---|--:|--:|--:|--:|")
    for name, parameters, seconds, epochs, score in sorted(rows, key=lambda row: -row[-1]):
        print(f"| `{name}` | {parameters:,} | {seconds:.1f} | {epochs} | {score:.3f} |")


if __name__ == "__main__":
    main()
