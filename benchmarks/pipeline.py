"""How many images per second reach the network, from files, from a cache, and by tf.data.

    python benchmarks/pipeline.py

Images of 512x512 (JPEG, masks PNG) are read, flipped, scaled and cropped to 256x256, in batches of
8 by two threads: read at 256x256, as `kseg train` does on a processor, and at full size. tf.data
runs the same functions by `numpy_function`. All alternate; the ratios are of rounds side by side.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import tensorflow as tf
from PIL import Image

from kseg.data import Cached, CachedOnDisk, ShapesSamples, Source, TrainingBatches, augmentation
from kseg.data.reading.layout import Pair
from kseg.data.samples import Samples

COUNT, BATCH, ROUNDS, THREADS = 240, 8, 7, 2


def write_data(folder: Path) -> list[tuple[Path, Path]]:
    """Write images of shapes, JPEG and PNG; return their paths and those of their masks."""
    written = []
    samples = ShapesSamples("train", COUNT, (512, 512))
    for part in ("images", "masks"):
        (folder / "train" / part).mkdir(parents=True)
    for index in range(COUNT):
        sample = samples[index]
        image, mask = folder / f"train/images/{index}.jpg", folder / f"train/masks/{index}.png"
        Image.fromarray(sample.image).save(image, quality=90)
        Image.fromarray(sample.mask).save(mask)
        written.append((image, mask))
    (folder / "classes.json").write_text('{"classes": ["a", "b", "c", "d", "e", "f"]}')
    return written


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


def decode(pair: Pair) -> None:
    """Decode both files of a pair and nothing more; what reads them all is no faster than that."""
    for path in pair[1:]:
        with Image.open(path) as image:
            image.draft("RGB", (256, 256))
            np.asarray(image)


def read_by_batches(samples: Samples) -> Callable[[int], None]:
    """Return a function that runs one epoch of kseg's batches."""
    augment = augmentation("light", (256, 256), 255)
    batches = TrainingBatches(samples, BATCH, augment, workers=THREADS)

    def epoch(turn: int) -> None:
        batches.epoch = turn
        for index in range(len(batches)):
            batches[index]

    return epoch


def read_by_tf_data(samples: Samples) -> Callable[[int], None]:
    """Return a function that runs one epoch of the same batches by tf.data."""
    data = by_tf_data(samples)
    return lambda turn: [None for _ in data]


def main() -> None:
    """Print median and best rates, and the ratios to tf.data."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(THREADS) as pool:
        write_data(Path(name))
        ways = {}
        for size in (256, 512):
            samples = Source(name, max_side=size, val_fraction=0.01).open().train
            ways |= {
                f"{size}, files": read_by_batches(samples),
                f"{size}, tf.data": read_by_tf_data(samples),
                f"{size}, memory": read_by_batches(Cached(samples)),
                f"{size}, disk": read_by_batches(CachedOnDisk(samples)),
            }
        pairs = samples.pairs
        ways["256, decoding alone"] = lambda turn: list(pool.map(decode, pairs))
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(1 + ROUNDS):
            for way, run in ways.items():
                start = time.perf_counter()
                run(turn)
                if turn:  # the first fills the caches
                    rates[way].append(len(samples) / (time.perf_counter() - start))
    for way, values in rates.items():
        print(f"{way}: median {median(values):.0f}, best {max(values):.0f} images/s")
    for size in (256, 512):
        sides = zip(rates[f"{size}, files"], rates[f"{size}, tf.data"], strict=True)
        ratios = [mine / other for mine, other in sides]
        print(f"{size}, files against tf.data: {median(ratios):.2f}, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
