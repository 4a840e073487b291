"""What each loss and the metrics cost beside the training step that they serve, on this machine.

    python benchmarks/loss_step.py

A U-Net with filters 16 to 256 is trained on 8 images of 256x256 with 11 classes. The cost of a loss
is the time of its value and slopes alone, that of metrics the time of their update alone, each as a
part of the step with cross-entropy and no metric. All alternate.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import time
from collections.abc import Callable
from statistics import median

import keras
import numpy as np
import tensorflow as tf

from kseg import build_unet, metrics
from kseg.losses import LOSSES, make_loss

CLASSES, SIDE, BATCH, ROUNDS = 11, 256, 8, 9


def seconds(functions: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Time functions by turns, so that a change in the machine's speed meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(2 + ROUNDS):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: values[2:] for name, values in times.items()}


def step(images: np.ndarray, masks: np.ndarray) -> Callable[[], None]:
    """Return a function that trains a U-Net for one step."""
    model = build_unet((SIDE, SIDE, 3), CLASSES, filters=(16, 32, 64, 128, 256))
    model.compile("adam", make_loss("ce"), jit_compile=False)
    return lambda: model.train_on_batch(images, masks)


def slopes(name: str, masks: np.ndarray, predicted: tf.Tensor) -> Callable[[], None]:
    """Return a function that computes a loss and its slopes."""
    loss, masks = make_loss(name), tf.constant(masks)

    @tf.function
    def compute() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            value = loss(masks, predicted)
        return tape.gradient(value, predicted)

    return lambda: compute().numpy()


def update(
    masks: np.ndarray, predicted: tf.Tensor, *tracked: metrics.MeanIoU
) -> Callable[[], None]:
    """Return a function that adds a batch to metrics."""
    masks = tf.constant(masks)

    @tf.function
    def compute() -> list[tf.Tensor]:
        for metric in tracked:
            metric.update_state(masks, predicted)
        return [metric.variables[0].value for metric in tracked]

    return lambda: compute()[0].numpy()


def main() -> None:
    """Print both tables for float32 and bfloat16."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, SIDE, SIDE, 3), dtype=np.uint8)
    masks = np.kron(rng.integers(0, CLASSES, (BATCH, 16, 16)), np.ones((16, 16), int))
    predicted = tf.nn.softmax(tf.random.stateless_normal((BATCH, SIDE, SIDE, CLASSES), (0, 0)))
    every = (
        metrics.MeanIoU,
        metrics.MeanDice,
        metrics.PixelAccuracy,
        metrics.MeanPixelAccuracy,
        metrics.FrequencyWeightedIoU,
    )
    for precision in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(precision)
        times = seconds(
            {
                "step": step(images, masks),
                "MeanIoU": update(masks, predicted, metrics.MeanIoU(CLASSES)),
                "five metrics": update(masks, predicted, *(metric(CLASSES) for metric in every)),
                **{name: slopes(name, masks, predicted) for name in LOSSES},
            }
        )
        base = median(times["step"])
        print(f"\n{precision}: a step takes {1000 * base:.0f} ms")
        for name in list(times)[1:]:
            print(
                f"{name}: {1000 * median(times[name]):.0f} ms, min "
                f"{1000 * min(times[name]):.0f} ms, {median(times[name]) / base:.1%} of a step"
            )


if __name__ == "__main__":
    main()
