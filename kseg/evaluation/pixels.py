"""Some pixels of a data set, kept with all that a network says of them."""

import numpy as np

from kseg.data.samples import Sample
from kseg.inference.probabilities import Probabilities
from kseg.labels import Labels
from kseg.metrics.calibration import fit_temperature
from kseg.metrics.confusion import valid_pixels

PER_IMAGE = 2000
IN_ALL = 200_000


class PixelSample:
    """Keeps pixels that are not void, drawn evenly from each image.

    Args:
        labels: The classes.
        images: So many images come.
    """

    def __init__(self, labels: Labels, images: int) -> None:
        self._labels = labels
        self._each = max(min(PER_IMAGE, IN_ALL // max(images, 1)), 1)
        self._rng = np.random.default_rng(0)
        self._said: list[np.ndarray] = []
        self._true: list[np.ndarray] = []

    def add(self, sample: Sample, found: Probabilities) -> None:
        """Keep pixels of an image, with what the network says of them before any temperature."""
        classes, void = len(self._labels), self._labels.ignore
        valid = np.flatnonzero(valid_pixels(sample.mask, classes, void))
        chosen = self._rng.choice(valid, min(len(valid), self._each), replace=False)
        said = [found.of_class(index).ravel()[chosen] for index in range(classes)]
        self._said.append(np.stack(said, axis=-1))
        self._true.append(sample.mask.ravel()[chosen])

    @property
    def pixels(self) -> int:
        """So many are kept."""
        return sum(len(true) for true in self._true)

    @property
    def temperature(self) -> float:
        """What calibrates the network, as these pixels show it; 1 where there are none."""
        if not self.pixels:
            return 1.0
        return fit_temperature(np.concatenate(self._said), np.concatenate(self._true))
