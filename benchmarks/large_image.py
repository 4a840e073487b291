"""The memory that a scan takes which memory does not hold: read, decided and written by rows.

    python benchmarks/large_image.py                        20,000 x 20,000 pixels, 21 classes
    python benchmarks/large_image.py --height 5000          as much memory, in a quarter of the time
    python benchmarks/large_image.py --width 4000 --height 3000 --filters 64

A U-Net of random weights answers about noise. Memory is the most that the process had, less what it
had with the backend started and the network built.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TILE = 512


@click.command()
@click.option("--width", default=20_000, show_default=True)
@click.option("--height", default=20_000, show_default=True)
@click.option("--classes", default=21, show_default=True)
@click.option("--filters", default=16, show_default=True, help="Of the first of five levels.")
def main(width: int, height: int, classes: int, filters: int) -> None:
    """Print seconds and MiB."""
    import kseg
    from kseg import machine
    from kseg.data.reading.strips import Strips, write_tiles
    from kseg.inference import Predictor, keras_engine, tiling_of

    machine.backend()
    levels = tuple(filters * 2**level for level in range(5))
    model = kseg.build_unet((None, None, 3), classes, filters=levels)
    tiling = tiling_of(model, 16)
    predictor = Predictor(keras_engine(model), stride=16, tiling=tiling)
    predictor.predict([np.zeros((64, 64, 3), np.uint8)])
    labels = kseg.Labels(tuple(f"class {index}" for index in range(classes)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.tif"
        write_noise(path, height, width)
        before = machine.most_memory()
        start = time.perf_counter()
        with Strips(path) as scan, (Path(folder) / "mask").open("wb") as raw:
            for rows in predictor.decided_rows(scan):
                raw.write(rows.mask.data)
        seconds = time.perf_counter() - start
        mask = np.memmap(Path(folder) / "mask", np.uint8, "r", shape=(height, width))
        write_tiles(Path(folder) / "mask.tif", mask, labels)
        after = machine.most_memory()
    print(
        f"{width} x {height}, {classes} classes, filters {levels[0]} to {levels[-1]}: tiles of "
        f"{tiling.side}, overlap {tiling.overlap}; {seconds:.0f} s, "
        f"{width * height / seconds / 1e6:.2f} million pixels/s, {after - before:.0f} MiB over the "
        f"base of {before:.0f}"
    )


def write_noise(path: Path, height: int, width: int) -> None:
    """Write a TIFF of noise in tiles."""
    import tifffile

    rng = np.random.default_rng(0)

    def tiles() -> Iterator[np.ndarray]:
        for _ in range(-(-height // TILE) * -(-width // TILE)):
            yield rng.integers(0, 256, (TILE, TILE, 3), np.uint8)

    words = {"shape": (height, width, 3), "dtype": np.uint8, "tile": (TILE, TILE)}
    tifffile.imwrite(path, tiles(), photometric="rgb", bigtiff=True, **words)


if __name__ == "__main__":
    main()
