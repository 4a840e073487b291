"""What a network says about an image, before it is decided what the image shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import scipy
from PIL import Image

from kseg.data.augment.settings import ResizeBack
from kseg.errors import KsegError


@dataclass(frozen=True)
class Probabilities:
    """What a network says about one image: the probability of each class at each pixel.

    It is held at the network's size and brought to the image's size class by class, when it is
    asked for: 21 classes of an image of 4000 x 3000 pixels would take a gigabyte. A single sigmoid
    output counts as two classes, background and foreground.

    Attributes:
        values: Float in [0, 1], `(h, w, outputs)`, at the network's size, without padding.
        size: `(height, width)` of the image.
        resize_back: How they come to the image's size: "bilinear" or "nearest".
        temperature: What `array` divides their logarithms by, so that they hold as often as they
            say; the order of the classes stays. See `metrics.fit_temperature`.
        doubt: How `decide` measures a pixel's uncertainty, which names the measures.
        has_entropy: Whether the last of `values` is no output of a network, but the mean of the
            entropies of several answers, in [0, 1], whose mean the others are.

    Example:
        >>> values = np.array([[[0.9], [0.2]]])  # one row of two pixels, a single sigmoid output
        >>> found = kseg.inference.Probabilities(values, (1, 2))
        >>> found.array().round(3)  # of background and foreground
        array([[[0.1, 0.9],
                [0.8, 0.2]]], dtype=float32)
    """

    values: np.ndarray
    size: tuple[int, int]
    resize_back: ResizeBack = "bilinear"
    temperature: float = 1.0
    doubt: str = "confidence"
    has_entropy: bool = False

    @property
    def outputs(self) -> np.ndarray:
        """What the network says, float, `(h, w, outputs)`."""
        return self.values[..., :-1] if self.has_entropy else self.values

    @property
    def is_binary(self) -> bool:
        """Whether the network has a single sigmoid output."""
        return self.outputs.shape[-1] == 1

    @property
    def num_classes(self) -> int:
        """Number of classes; 2 for a single output."""
        return 2 if self.is_binary else self.outputs.shape[-1]

    def of_class(self, index: int) -> np.ndarray:
        """Return what the network says of a class, float32, `(height, width)` of the image.

        That is before the temperature.

        Args:
            index: From 0 to `num_classes - 1`.
        """
        if not self.is_binary:
            return self._at_full_size(index)
        foreground = self._at_full_size(0)
        return (1 - foreground, foreground)[index]

    def entropies(self) -> np.ndarray:
        """Return the mean of the entropies of several answers, float32, `(height, width)`.

        Raises:
            KsegError: There is one answer alone.
        """
        if not self.has_entropy:
            raise KsegError(
                "Only several answers can disagree. Give tta=, or several runs, or measure "
                "uncertainty by confidence, entropy or margin."
            )
        return self._at_full_size(-1)

    def array(self) -> np.ndarray:
        """Return the probabilities of all classes, float32, `(height, width, num_classes)`."""
        found = np.empty((*self.size, self.num_classes), np.float32)
        for index in range(self.num_classes):
            found[..., index] = self.of_class(index)
        return tempered(found, self.temperature)

    def _at_full_size(self, output: int) -> np.ndarray:
        """Return one output of the network at the image's size, an array of its own."""
        own = np.array(self.values[..., output], np.float32, order="C")
        if own.shape == self.size:
            return own
        is_larger = self.size[0] >= own.shape[0] and self.size[1] >= own.shape[1]
        if self.resize_back == "bilinear" and is_larger:
            import cv2  # a sixth of Pillow's time, the same values

            return cv2.resize(own, self.size[::-1], interpolation=cv2.INTER_LINEAR)
        how = Image.Resampling[self.resize_back.upper()]
        return np.array(Image.fromarray(own).resize(self.size[::-1], how))


def tempered(values: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities whose logarithms are divided by a temperature, summing to one again.

    Args:
        values: Probabilities, `(..., classes)`.
        temperature: Above 1 they come nearer to each other; 1 returns them as they are.

    References:
        Guo et al. 2017, https://arxiv.org/abs/1706.04599, Section 4.2: of softmax outputs this is
        what dividing the logits does.
    """
    if temperature == 1:
        return values
    powers = values ** np.float32(1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def entropy_of(values: np.ndarray) -> np.ndarray:
    """Return the entropy of each pixel's probabilities, in [0, 1]: 1 where all classes are alike.

    Args:
        values: Probabilities, `(..., classes)`; one class is the foreground of two.

    Returns:
        Float, `(...)`: the sum of -p log p over the classes, over the logarithm of their number.
    """
    if values.shape[-1] == 1:
        values = np.concatenate([1 - values, values], axis=-1)
    return scipy.special.entr(values).sum(axis=-1) / np.log(values.shape[-1])


def averaged(
    answers: Iterable[np.ndarray], keeps_entropy: bool, weights: Iterable[float] = repeat(1.0)
) -> np.ndarray:
    """Return the mean of answers, float32 `(..., classes)`, held one at a time.

    Args:
        answers: At least one.
        keeps_entropy: Whether the mean of their entropies follows the classes.
        weights: What each counts; by default all the same.
    """
    sums: np.ndarray | float = 0.0
    total = 0.0
    for answer, weight in zip(answers, weights, strict=False):
        if keeps_entropy:
            answer = np.concatenate([answer, entropy_of(answer)[..., None]], axis=-1)
        sums, total = sums + np.float32(weight) * answer, total + weight
    return np.asarray(sums / total, np.float32)
