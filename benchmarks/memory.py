"""What kept memory gives a training step on the CPU: `model.fit` with and without, by turns.

    python benchmarks/memory.py

glibc gives large pieces of freed memory back to the system at once, and a training step asks for
its tensors anew, page by page. kseg has it keep them (`machine.backend`). Each turn is a process of
its own: seconds per step, page faults and seconds in the system per step.
"""

import os
import resource
import subprocess
import sys
import time
from statistics import median

import click

FILTERS = (16, 32, 64, 128, 256)
STEPS = 24
SKIPPED = 4


def measure(is_kept: bool, size: int, batch: int) -> None:
    """Print seconds per step (median and least), page faults and system seconds per step."""
    import keras
    import numpy as np

    from kseg import build_unet, machine
    from kseg.data import ShapesSamples, TrainingBatches
    from kseg.losses import CrossEntropy

    if is_kept:
        machine.backend()
    samples = ShapesSamples("train", count=STEPS * batch, size=(size, size))
    batches = TrainingBatches(samples, batch, lambda image, mask, seed: (image, mask))
    model = build_unet((None, None, 3), len(samples.labels), filters=FILTERS)
    model.compile(keras.optimizers.AdamW(1e-3), CrossEntropy(), jit_compile=False)
    times, used = [], []

    def note(batch: int, logs: object) -> None:
        times.append(time.perf_counter())
        used.append(resource.getrusage(resource.RUSAGE_SELF))

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(batches, shuffle=False, verbose=0, callbacks=[watch])
    steps = np.diff(times)[SKIPPED:]
    first, last = used[SKIPPED], used[-1]
    faults = (last.ru_minflt - first.ru_minflt) / len(steps)
    system = (last.ru_stime - first.ru_stime) / len(steps)
    print(median(steps), min(steps), faults, system)


@click.command()
@click.option("--size", default=192, show_default=True, help="Height and width of the images.")
@click.option("--batch", default=4, show_default=True, help="Images per step.")
@click.option("--rounds", default=3, show_default=True, help="Alternating runs of each.")
@click.option("--only", type=click.Choice(["kept", "returned"]), hidden=True)
def main(size: int, batch: int, rounds: int, only: str | None) -> None:
    """Print a line per run."""
    if only is not None:
        measure(only == "kept", size, batch)
        return
    for _ in range(rounds):
        for kind in ("returned", "kept"):
            command = [sys.executable, __file__, "--only", kind, "--size", size, "--batch", batch]
            said = subprocess.run(
                [str(part) for part in command],
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            middle, least, faults, system = map(float, said[-4:])
            click.echo(
                f"{kind:<9} {middle:.3f} s per step (least {least:.3f}), {faults:9,.0f} page "
                f"faults, {system:.2f} s in the system"
            )


if __name__ == "__main__":
    main()
