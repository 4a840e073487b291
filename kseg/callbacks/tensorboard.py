"""What Keras's own logs for TensorBoard leave out: scores per class, and pictures."""

import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from kseg import _extras
from kseg.callbacks.classes import is_validated, validation_iou


class ClassLogs(keras.callbacks.Callback):
    """Writes the IoU per class, and pictures of `Previews`, as logs for TensorBoard.

    Use it beside `keras.callbacks.TensorBoard`, in a folder beside its `train` and `validation`,
    behind `Previews` in the list of callbacks. It needs TensorFlow, whatever the backend is.

    Args:
        folder: Where the logs go.
        classes: Names of the classes.
        previews: The folder of `Previews`; without it there are no pictures.

    Raises:
        KsegError: TensorFlow or TensorBoard is not installed.
    """

    def __init__(
        self, folder: str | Path, classes: Sequence[str], previews: str | Path | None = None
    ) -> None:
        super().__init__()
        for package in ("tensorflow", "tensorboard"):
            _extras.require(package, package, "Writing logs for TensorBoard")
        import tensorflow as tf

        self._summary = tf.summary
        self._writer = tf.summary.create_file_writer(str(folder))
        self._classes = tuple(classes)
        self._previews = Path(previews) if previews is not None else None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Write what the validation of the epoch gave, if it had one."""
        if not is_validated(logs):
            return
        with self._writer.as_default():
            for name, score in validation_iou(self.model, self._classes).items():
                if math.isfinite(score):
                    self._summary.scalar(f"epoch_iou/{name}", score, step=epoch)
            if self._previews is not None:
                picture = self._previews / f"epoch_{epoch + 1:03d}.png"
                if picture.exists():
                    self._summary.image("previews", _pixels(picture)[None], step=epoch)
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Write what is left."""
        self._writer.flush()


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
