"""Engines: functions from a batch of images to probabilities, NumPy in and out."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from kseg.errors import KsegError

Engine = Callable[[np.ndarray], np.ndarray]


def keras_engine(model: keras.Model) -> Engine:
    """Run a Keras model on batches `(n, H, W, C)`; the engine that works everywhere."""
    if keras.backend.backend() == "tensorflow":
        # XLA compiles anew for every image size, and is the slower one on a CPU.
        model.jit_compile = False
    return lambda images: np.asarray(model.predict_on_batch(images))


def load_model(path: Path) -> keras.Model:
    """Load a `.keras` file, without running code that it may carry.

    Raises:
        KsegError: The file is missing, truncated, or no Keras model.
    """
    if not path.is_file():
        raise KsegError(f"{path} is missing. Train the run again with kseg train.")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise KsegError(
            f"{path} is not a whole Keras model ({type(error).__name__}). It may be damaged or "
            "copied in part: copy it again, or train the run again with kseg train."
        ) from error
