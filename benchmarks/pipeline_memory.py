"""Memory of the process over an epoch of 20,000 images, by where images are kept.

    python benchmarks/pipeline_memory.py

The images are hard links to 200 of 512x512 pixels, read at 256x256, flipped, scaled and cropped.
The cache in memory is full after about 4,000 of them; the file on disk takes all.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import psutil
from pipeline import write_data

from kseg.data import Cached, CachedOnDisk, Source, TrainingBatches, augmentation
from kseg.data.samples import Samples

COUNT, BATCH = 20_000, 8
WAYS: dict[str, Callable[[Samples], Samples]] = {
    "none": lambda samples: samples,
    "memory": Cached,
    "disk": partial(CachedOnDisk, limit=2**33),
}


def epoch(folder: str, way: str) -> list[int]:
    """Return the process's MiB after each tenth of an epoch."""
    samples = WAYS[way](Source(folder, max_side=256, val_fraction=0.001).open().train)
    batches = TrainingBatches(samples, BATCH, augmentation("light", (256, 256), 255))
    process, found = psutil.Process(), []
    for index in range(len(batches)):
        batches[index]
        if (index + 1) % (len(batches) // 10) == 0:
            found.append(process.memory_info().rss >> 20)
    return found


def main() -> None:
    """Print the memory after each tenth of an epoch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_data(folder)
        for index in range(len(files), COUNT):
            for file in files[index % len(files)]:
                os.link(file, file.with_stem(str(index)))
        for way in WAYS:
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                print(f"{way}: {process.submit(epoch, name, way).result()} MiB", flush=True)


if __name__ == "__main__":
    main()
