"""Images per second of each engine for a plain U-Net, by turns with PyTorch, on the CPU.

    python -m pip install torch openvino nncf onnxruntime tf2onnx
    python benchmarks/inference.py
    python benchmarks/inference.py --size 512 --batch 1 --no-compiled

The network is the U-Net of filters 16 to 256 and 11 classes, of random weights and statistics,
NumPy in and out for all. `predict` is `model.predict`, `live` kseg's engine of a model that may be
trained on, `keras` the frozen one of a run. They alternate, so that a change in the machine's speed
meets all.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click
import numpy as np
import torch
from train_step import CLASSES, WIDTH, TorchUNet, widths

Ask = Callable[[np.ndarray], np.ndarray]


@click.command()
@click.option("--size", "sizes", multiple=True, default=(256, 512), show_default=True)
@click.option("--batch", "batches", multiple=True, default=(1, 8), show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--only", multiple=True, help="Contenders to time; by default all, by turns.")
@click.option("--compiled/--no-compiled", default=True, help="Time PyTorch compiled, too.")
def main(
    sizes: tuple[int, ...],
    batches: tuple[int, ...],
    rounds: int,
    only: tuple[str, ...],
    compiled: bool,
) -> None:
    """Print the median and least images per second of each contender."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        contenders = kseg_contenders(Path(folder), rng) | torch_contenders(compiled)
        contenders = {name: contenders[name] for name in only or contenders}
        for batch in batches:
            for size in sizes:
                images = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
                print(f"batch {batch}, {size}x{size}, images/s")
                for name, rates in by_turns(contenders, images, rounds).items():
                    print(f"  {name:18} median {median(rates):7.1f}  min {min(rates):7.1f}")


def by_turns(contenders: dict[str, Ask], images: np.ndarray, rounds: int) -> dict[str, list[float]]:
    """Return the images per second of each contender, round by round, the first not counted."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, ask in contenders.items():
            start = time.perf_counter()
            ask(images)
            if turn:
                rates[name].append(len(images) / (time.perf_counter() - start))
    return rates


def kseg_contenders(folder: Path, rng: np.random.Generator) -> dict[str, Ask]:
    """Return kseg's engines, and Keras's own way."""
    import keras

    import kseg
    from kseg import machine
    from kseg.inference import keras_engine
    from kseg.inference.engines import engine_named
    from kseg.inference.engines.converted import there

    machine.backend()
    model = kseg.build_unet((None, None, 3), CLASSES, filters=widths(5, WIDTH))
    for layer in model.layers:  # statistics of nothing seen would be left out of the computation
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, one.shape) for one in layer.get_weights()])
    seen = [rng.integers(0, 256, (1, 256, 256, 3), np.uint8) for _ in range(8)]
    found: dict[str, Ask] = {
        name: engine_named(name, model, 16, folder, lambda: seen) for name in there()
    }
    found["live"] = keras_engine(model)
    found["predict"] = lambda images: model.predict(images, verbose=0)
    return found


def torch_contenders(compiled: bool) -> dict[str, Ask]:
    """Return PyTorch in float32 and bfloat16, channels last, eager and compiled."""
    network = TorchUNet().eval().to(memory_format=torch.channels_last)
    ways = {"torch": network}
    if compiled:
        ways["torch compiled"] = torch.compile(network)
    return {
        f"{name} {precision}": torch_ask(way, precision)
        for name, way in ways.items()
        for precision in ("f32", "bf16")
    }


def torch_ask(network: torch.nn.Module, precision: str) -> Ask:
    """Return what a user of PyTorch writes."""

    @torch.inference_mode()
    def ask(images: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        x = x.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(x)
        return logits.float().softmax(1).permute(0, 2, 3, 1).numpy()

    return ask


if __name__ == "__main__":
    main()
