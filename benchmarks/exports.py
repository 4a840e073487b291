"""Every architecture in every format: the largest difference from Keras, and the seconds.

python benchmarks/exports.py [--formats onnx litert] [--archs unet fpn]

Narrow networks with weights as after a training, asked on noise of two sizes that are no multiples
of their strides. Networks amplify rounding, most of all `r2unet`, whose convolutions feed
themselves; in another a difference of 0.01 is a fault.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from kseg.inference import Serving, serving
from kseg.models import catalog
from kseg.models.architectures import ARCHITECTURES
from kseg.models.settings import Model

SIZES = ((97, 131), (150, 70))
RNG = np.random.default_rng(0)


def main() -> None:
    """Print a line for each architecture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", nargs="+", default=list(serving.FORMATS))
    parser.add_argument("--archs", nargs="+", default=list(ARCHITECTURES))
    given = parser.parse_args()
    print(f"{'':18}" + "".join(f"{format:>18}" for format in given.formats))
    for arch in given.archs:
        print(f"{arch:18}", end="", flush=True)
        for format in given.formats:
            print(f"{found(arch, format):>18}", end="", flush=True)
        print(flush=True)


def found(arch: str, format: str) -> str:
    """Export an architecture; return the largest difference of a probability, and the seconds."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    start, settings = time.perf_counter(), Model(arch=arch, width=8)
    network = catalog.build(settings, (None, None, 3), 4)
    learn(network)
    expected = Serving(network, catalog.stride(settings), "probabilities")
    with tempfile.TemporaryDirectory() as folder:
        try:
            written = serving.export(expected, Path(folder), format)
            ask = serving.opened(written, format)
            differences = [difference(expected, ask, size) for size in SIZES]
        except Exception as error:  # each engine has its own
            return f"fails: {type(error).__name__}"
    return f"{max(differences):.0e}, {time.perf_counter() - start:.0f} s"


def difference(expected: Serving, ask: serving.Ask, size: tuple[int, int]) -> float:
    """Return the largest difference of what both say of an image of noise."""
    image = RNG.integers(0, 256, (1, *size, 3), np.uint8)
    return float(np.abs(np.asarray(expected(image)) - ask(image)).max())


def learn(network: keras.Model) -> None:
    """Give statistics and biases values as a training does, in place of 0 and 1."""
    for weight in network.weights:
        if weight.name == "moving_variance":
            weight.assign(RNG.uniform(0.5, 2, weight.shape))
        elif weight.name in ("moving_mean", "beta", "bias"):
            weight.assign(RNG.normal(0, 0.2, weight.shape))


if __name__ == "__main__":
    main()
