"""How many images a second reach the network, from files, from memory, and by tf.data.

    python benchmarks/pipeline.py

Images of 512x512 (JPEG, masks PNG) are read, flipped, scaled and cropped to 256x256, in batches of
8 by two threads. tf.data runs the same functions by `numpy_function`. All alternate; the ratio is
of rounds side by side.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf
from PIL import Image

from kseg.data import Cached, ShapesSamples, Source, TrainingBatches, augmentation
from kseg.data.samples import Samples

COUNT, BATCH, ROUNDS, THREADS = 240, 8, 7, 2


def write_data(folder: Path) -> None:
    """Write images of shapes, JPEG and PNG."""
    samples = ShapesSamples("train", COUNT, (512, 512))
    for part in ("images", "masks"):
        (folder / "train" / part).mkdir(parents=True)
    for index in range(COUNT):
        sample = samples[index]
        Image.fromarray(sample.image).save(folder / f"train/images/{index}.jpg", quality=90)
        Image.fromarray(sample.mask).save(folder / f"train/masks/{index}.png")
    (folder / "classes.json").write_text('{"classes": ["a", "b", "c", "d", "e", "f"]}')


def by_tf_data(samples: Samples) -> tf.data.Dataset:
    """Return the same batches by tf.data."""
    augment = augmentation("light", (256, 256), 255)

    def load(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sample = samples[int(index)]
        return augment(sample.image, sample.mask, int(index))

    data = tf.data.Dataset.range(len(samples)).shuffle(len(samples))
    data = data.map(
        lambda index: tf.numpy_function(load, [index], (tf.uint8, tf.uint8)),
        num_parallel_calls=THREADS,
    )
    return data.batch(BATCH, drop_remainder=True).prefetch(4)


def rate(batches: Iterable) -> float:
    """Return images a second over all batches."""
    start, images = time.perf_counter(), 0
    for batch in batches:
        images += len(batch[0])
    return images / (time.perf_counter() - start)


def main() -> None:
    """Print median and best rates, and the ratio to tf.data."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder)
        source = Source(str(folder), val_fraction=0.01)
        samples = source.open().train
        augment = augmentation("light", (256, 256), 255)

        def batches(chosen: Samples) -> TrainingBatches:
            return TrainingBatches(chosen, BATCH, augment, workers=THREADS)

        ways = {
            "files": batches(samples),
            "memory": batches(Cached(samples)),
            "tf.data": by_tf_data(samples),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(1 + ROUNDS):
            for way, data in ways.items():
                if isinstance(data, TrainingBatches):
                    data.epoch = turn
                    found = rate(data[index] for index in range(len(data)))
                else:
                    found = rate(data)
                if turn:
                    rates[way].append(found)
    for way, values in rates.items():
        print(f"{way}: median {median(values):.0f}, best {max(values):.0f} images/s")
    ratios = [mine / other for mine, other in zip(rates["files"], rates["tf.data"], strict=True)]
    print(f"files against tf.data: median {median(ratios):.2f}, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
