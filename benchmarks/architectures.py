"""Train every architecture for the same time on the built-in shapes, and compare.

    python benchmarks/architectures.py --minutes 2 --runs /tmp/architectures

Each is trained by `kseg train --arch NAME --minutes N`, all else by default, one after the other. A
run that is there already is not made again. Prints a Markdown table, the best first.
"""

import argparse
import math
import subprocess
import sys
from pathlib import Path

from kseg.inference import load_model
from kseg.models.architectures import ARCHITECTURES
from kseg.runs import Run


def train(arch: str, minutes: float, runs: Path) -> None:
    """Train an architecture by the command line, and time its epochs."""
    command = [sys.executable, "-m", "kseg", "train", "--arch", arch, "--name", arch]
    command += ["--minutes", str(minutes), "--runs", str(runs)]
    log = runs / f"{arch}.log"
    with log.open("w") as file:
        result = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    if result.returncode:
        print(log.read_text()[-2000:], file=sys.stderr)


def row(run: Run) -> tuple:
    """Return an architecture's parameters, seconds per epoch, epochs and mean IoU."""
    history = run.history
    seconds = [
        float(line.split()[-2])
        for line in run.path.with_suffix(".log").read_text().splitlines()
        if line.startswith("epoch ") and line.endswith(" s")
    ]
    weights = load_model(run.model_file).trainable_weights
    parameters = sum(math.prod(weight.shape) for weight in weights)
    epochs = len(history["epoch"])
    return run.name, parameters, seconds[-1] / epochs, epochs, run.scores.mean_iou


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--runs", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    rows = []
    for arch in ARCHITECTURES:
        run = Run(arguments.runs / arch)
        if not run.scores_file.exists():
            train(arch, arguments.minutes, arguments.runs)
        if run.scores_file.exists():
            rows.append(row(run))
            print("{}: {:,} parameters, {:.1f} s, {} epochs, {:.3f}".format(*rows[-1]), flush=True)
    print("\n| architecture | parameters | seconds per epoch | epochs | mean IoU |")
    print("|---|--:|--:|--:|--:|")
    for name, parameters, seconds, epochs, score in sorted(rows, key=lambda row: -row[-1]):
        print(f"| `{name}` | {parameters:,} | {seconds:.1f} | {epochs} | {score:.3f} |")


if __name__ == "__main__":
    main()
