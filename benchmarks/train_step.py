"""Training speed of a U-Net against PyTorch, on the CPU: images per second, in alternating runs.

    python -m pip install torch
    python benchmarks/train_step.py

Both networks do the same work: filters 16 to 256, double convolutions with batch normalisation and
ReLU, max pooling, transposed up-sampling, 11 classes, cross-entropy, Adam. The runs alternate, so
that a change in the machine's speed meets both; the last line of each precision is the figure.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time
from collections.abc import Callable
from statistics import median

import click
import keras
import numpy as np
import torch

from kseg import build_unet
from kseg.losses import CrossEntropy

FILTERS = (16, 32, 64, 128, 256)
CLASSES = 11


def kseg_step(images: np.ndarray, masks: np.ndarray, precision: str) -> Callable[[], None]:
    """Return a function that trains kseg's U-Net for one step."""
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    model = build_unet((None, None, 3), CLASSES, filters=FILTERS)
    model.compile(keras.optimizers.Adam(1e-3), CrossEntropy(), jit_compile=False)
    return lambda: model.train_on_batch(images, masks)


def torch_step(
    images: np.ndarray, masks: np.ndarray, precision: str, compiled: bool
) -> Callable[[], None]:
    """Return a function that trains the same network in PyTorch for one step, channels last."""
    model = TorchUNet().to(memory_format=torch.channels_last)
    if compiled:
        model = torch.compile(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    images = torch.from_numpy(images).permute(0, 3, 1, 2)
    masks = torch.from_numpy(masks).long()

    def step() -> None:
        x = images.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(x)
        loss = torch.nn.functional.cross_entropy(logits.float(), masks, ignore_index=255)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


class TorchUNet(torch.nn.Module):
    """The same U-Net, as PyTorch users write it."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        widths = (3, *FILTERS)
        self.encoder = nn.ModuleList(
            _double(a, b) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(FILTERS, FILTERS[1:], strict=False)
        )
        self.decoder = nn.ModuleList(_double(2 * a, a) for a in FILTERS[:-1])
        self.head = nn.Conv2d(FILTERS[0], CLASSES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, `(n, classes, H, W)`."""
        features = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else torch.nn.functional.max_pool2d(x, 2))
            features.append(x)
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](torch.cat([features[level], self.up[level](x)], 1))
        return self.head(x)


def _double(inputs: int, outputs: int) -> torch.nn.Sequential:
    nn = torch.nn
    steps = []
    for a, b in ((inputs, outputs), (outputs, outputs)):
        steps += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    return nn.Sequential(*steps)


def _rate(step: Callable[[], None], images: int, steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return images * steps / (time.perf_counter() - start)


@click.command()
@click.option("--size", default=256, show_default=True, help="Height and width of the images.")
@click.option("--batch", default=8, show_default=True, help="Images per step.")
@click.option("--rounds", default=6, show_default=True, help="Alternating runs of each.")
@click.option("--steps", default=4, show_default=True, help="Steps per run.")
@click.option("--threads", default=os.cpu_count(), show_default=True, help="Threads of both.")
@click.option("--compiled", is_flag=True, help="Compare with torch.compile instead of eager.")
def main(size: int, batch: int, rounds: int, steps: int, threads: int, compiled: bool) -> None:
    """Print images per second of both, and their ratio, in float32 and bfloat16."""
    torch.set_num_threads(threads)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    masks = rng.integers(0, CLASSES, (batch, size, size), dtype=np.uint8)
    for precision in ("float32", "bfloat16"):
        ours = kseg_step(images, masks, precision)
        theirs = torch_step(images, masks, precision, compiled)
        _rate(ours, batch, 2), _rate(theirs, batch, 2)
        pairs = [(_rate(ours, batch, steps), _rate(theirs, batch, steps)) for _ in range(rounds)]
        for name, rates in zip(("kseg", "PyTorch"), zip(*pairs, strict=True), strict=True):
            figures = f"median {median(rates):6.1f}  min {min(rates):6.1f}"
            click.echo(f"{precision:9} {name:8} images/s {figures}")
        ratios = [a / b for a, b in pairs]
        click.echo(f"{precision:9} ratio    median {median(ratios):.2f}  min {min(ratios):.2f}")


if __name__ == "__main__":
    main()
