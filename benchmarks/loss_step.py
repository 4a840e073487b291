"""What each loss and the metrics cost beside the training step that they serve, on this machine.

    python benchmarks/loss_step.py

A U-Net with filters 16 to 256 is trained on 8 images of 256x256 with 11 classes. The cost of a loss
is the time of its value and slopes alone, as a part of the step with cross-entropy; the cost of the
metrics is the difference between a step with them and one with none. All alternate.
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


def step(images: np.ndarray, masks: np.ndarray, *tracked: keras.Metric) -> Callable[[], None]:
    """Return a function that trains a U-Net for one step."""
    model = build_unet((SIDE, SIDE, 3), CLASSES, filters=(16, 32, 64, 128, 256))
    model.compile("adam", make_loss("ce"), metrics=list(tracked), jit_compile=False)
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
                "one": step(images, masks, metrics.MeanIoU(CLASSES)),
                "all": step(images, masks, *(metric(CLASSES) for metric in every)),
                **{name: slopes(name, masks, predicted) for name in LOSSES},
            }
        )
        base = median(times["step"])
        print(f"\n{precision}: a step takes {1000 * base:.0f} ms")
        for name in ("one", "all"):
            parts = [x / y - 1 for x, y in zip(times[name], times["step"], strict=True)]
            print(f"metrics ({name}): median {median(parts):+.1%}, min {min(parts):+.1%} of a step")
        for name in LOSSES:
            print(
                f"{name}: {1000 * median(times[name]):.0f} ms, min "
                f"{1000 * min(times[name]):.0f} ms, {median(times[name]) / base:.0%} of a step"
            )


if __name__ == "__main__":
    main()
