"""What the choice of the loss does to rare classes: the same small U-Net, time and seed for each.

    python benchmarks/losses.py --data camvid --minutes 5 --runs /tmp/losses --classes pole car

Each is trained by `kseg train --loss SUM --class-weights KIND --minutes N`, all else by default. A
run that is there already is not made again. Prints a Markdown table of the IoU on the validation
split, by which each run has chosen its best epoch.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

RUNS = {
    "ce": ("ce", "none"),
    "ce-enet": ("ce", "enet"),
    "focal": ("focal", "none"),
    "topk": ("topk", "none"),
    "ce-dice": ("ce+dice", "none"),
    "ce-lovasz": ("ce+lovasz", "none"),
}
"""Name of a run: its loss and its class weights."""


def train(name: str, data: str, minutes: float, runs: Path) -> None:
    """Train with a loss by the command line."""
    loss, weights = RUNS[name]
    command = [sys.executable, "-m", "kseg", "train", "--data", data, "--name", name]
    command += ["--loss", loss, "--class-weights", weights, "--seed", "0"]
    command += ["--minutes", str(minutes), "--runs", str(runs)]
    with (runs / f"{name}.log").open("w") as file:
        subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=True)


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--classes", nargs="+", required=True, help="Classes to show.")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    print(f"| loss | class weights | epochs | mean | {' | '.join(arguments.classes)} |")
    print(f"|---|---|{'--:|' * (2 + len(arguments.classes))}", flush=True)
    for name, (loss, weights) in RUNS.items():
        scores = arguments.runs / name / "scores.json"
        if not scores.exists():
            train(name, arguments.data, arguments.minutes, arguments.runs)
        content = json.loads(scores.read_text())
        values = [content["mean_iou"], *(content["classes"][c]["iou"] for c in arguments.classes)]
        epochs = len((arguments.runs / name / "history.csv").read_text().splitlines()) - 1
        cells = " | ".join(f"{value:.3f}" for value in values)
        print(f"| `{loss}` | {weights} | {epochs} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
