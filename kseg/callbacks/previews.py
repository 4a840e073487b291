"""Predictions of a few images after each epoch, as pictures and as an animation."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from kseg.callbacks.classes import is_validated
from kseg.data.batches import pad
from kseg.data.samples import Samples
from kseg.plots.previews import PreviewSheet, write_animation, write_picture

IMAGES = 4


class Previews(keras.callbacks.Callback):
    """Draws what the network says about the same four images after each epoch that is validated.

    The images are spread evenly over a data set. Each epoch gives one picture, `epoch_007.png`, of
    image, truth and prediction in rows; the end of the training gives an animation of them. The
    pictures are small: palette PNGs, the longer side of each image at most 256 pixels.

    Args:
        folder: Where the pictures go; it is made.
        samples: What is validated on, such as `data.ArraySamples`.
        size: `(height, width)` to which images are padded for the network; by default the largest
            among the four.
        animation: The GIF; by default `previews.gif` beside the folder.

    Example:
        >>> samples = kseg.data.ShapesSamples("val", count=8, size=(32, 32))
        >>> batches = kseg.data.ValidationBatches(samples, 4, size=(32, 32))
        >>> model = kseg.build_unet((32, 32, 3), len(samples.labels), filters=(2, 4))
        >>> model.compile("adam", kseg.losses.CrossEntropy())
        >>> previews = kseg.callbacks.Previews("previews", samples)
        >>> fit = dict(validation_data=batches, epochs=2, verbose=0, callbacks=[previews])
        >>> _ = model.fit(batches, **fit)
        >>> sorted(path.name for path in Path("previews").iterdir()), Path("previews.gif").exists()
        (['epoch_001.png', 'epoch_002.png'], True)
    """

    def __init__(
        self,
        folder: str | Path,
        samples: Samples,
        size: tuple[int, int] | None = None,
        animation: str | Path | None = None,
    ) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._animation = Path(animation or self._folder.parent / "previews.gif")
        self._samples = samples
        self._size = size
        self._epochs: list[int] = []
        self._sheet: PreviewSheet | None = None

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"epochs": self._epochs}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there; pictures that are on the disk stay."""
        self._epochs = list(state["epochs"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draw the picture of the epoch, numbered from 1, if it was validated."""
        if logs is None or not is_validated(logs):
            return
        sheet = self._sheet or self._read()
        title = f"epoch {epoch + 1}"
        if "val_mean_iou" in logs:
            title += f", mean IoU {float(logs['val_mean_iou']):.3f}"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_picture(self._path(epoch + 1), sheet.drawn(self._predicted(), title))
        self._epochs.append(epoch + 1)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Write the animation."""
        pictures = [path for path in map(self._path, self._epochs) if path.exists()]
        if pictures:
            write_animation(self._animation, pictures)

    def _read(self) -> PreviewSheet:
        """Read the images, and draw what stays the same."""
        count = min(IMAGES, len(self._samples))
        chosen = [self._samples[index * len(self._samples) // count] for index in range(count)]
        images, masks = [one.image for one in chosen], [one.mask for one in chosen]
        size = self._size or tuple(np.max([mask.shape for mask in masks], axis=0))
        self._images = np.stack([pad(image, size) for image in images])
        self._shapes = [mask.shape for mask in masks]
        self._sheet = PreviewSheet(images, masks, self._samples.labels)
        return self._sheet

    def _predicted(self) -> list[np.ndarray]:
        """Return the mask of each image; a single channel means foreground from 0.5 on."""
        found = self.model.predict_on_batch(self._images)
        masks = found[..., 0] >= 0.5 if found.shape[-1] == 1 else found.argmax(axis=-1)
        return [
            mask[:height, :width].astype(np.uint8)
            for mask, (height, width) in zip(masks, self._shapes, strict=True)
        ]

    def _path(self, epoch: int) -> Path:
        return self._folder / f"epoch_{epoch:03d}.png"
