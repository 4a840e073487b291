"""Masks over images, and what is wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kseg._text import printable
from kseg.errors import ArgumentError
from kseg.labels import Labels
from kseg.plots import legends

ROWS = 256
THIN = 1200
"""For so many pixels of the longer side an outline is a pixel to each side of a border."""
SMALL = 600
"""An image whose longer side is less than a half of this is drawn in a multiple of its size."""
LETTERS = 60
"""A letter is so many times smaller than the longer side of a picture, if that is legible."""
NARROWEST = 240
"""So many pixels a picture is wide at least, for its legend."""
WRONG, LEFT_OUT = (204, 51, 17), (40, 40, 40)
"""What pixels are shown in that are wrong, and void ones."""


def overlay(
    image: np.ndarray,
    mask: np.ndarray,
    labels: Labels,
    alpha: float = 0.5,
    *,
    contours: bool = False,
) -> np.ndarray:
    """Tint an image by its mask's colours, each region within an outline of its colour.

    Void is left as it is, and so is a class whose colour is black: the background.

    Args:
        image: Uint8, shape `(H, W, channels)`, shown as `as_rgb` does.
        mask: Class indices, shape `(H, W)`.
        labels: Classes and colours.
        alpha: Part of the colour in the mixture, in [0, 1].
        contours: Whether to draw the outlines alone.

    Returns:
        Uint8 RGB, shape `(H, W, 3)`.

    Example:
        >>> labels = kseg.Labels(("background", "road"), colors=((0, 0, 0), (200, 0, 0)))
        >>> image, mask = np.full((1, 4, 3), 100, np.uint8), np.array([[1, 1, 0, 255]])
        >>> kseg.plots.overlay(image, mask, labels)  # half of each, the outline, and the rest
        array([[[150,  50,  50],
                [200,   0,   0],
                [100, 100, 100],
                [100, 100, 100]]], dtype=uint8)
    """
    tinted = np.array(as_rgb(image))
    _tint(tinted, mask, labels, alpha, contours=contours)
    return tinted


def _tint(
    picture: np.ndarray, mask: np.ndarray, labels: Labels, alpha: float, *, contours: bool
) -> None:
    """Draw a mask over a picture, in place."""
    is_tinted = np.zeros(256, bool)
    is_tinted[: len(labels)] = [any(color) for color in labels.colors]
    outlines = _outlines(mask)
    part = round(256 * alpha)
    for top in range(0, len(picture), ROWS):  # a mixture takes several times the image
        rows = slice(top, top + ROWS)
        colors, shown = labels.colorize(mask[rows]), is_tinted[mask[rows]]
        if not contours:
            mixture = (256 - part) * picture[rows].astype(np.uint16)
            mixture += part * colors.astype(np.uint16)
            mixture = (mixture >> 8).astype(np.uint8)
            np.copyto(picture[rows], mixture, where=shown[..., None])
        np.copyto(picture[rows], colors, where=(shown & outlines[rows])[..., None])


@dataclass(frozen=True)
class Look:
    """How masks are drawn over images to look at them.

    Attributes:
        alpha: Part of the class's colour in the mixture, in [0, 1].
        contours: Whether to draw outlines alone.

    Raises:
        ArgumentError: `alpha` is not in [0, 1].

    Example:
        >>> labels = kseg.Labels(("background", "road"))
        >>> image, mask = np.full((200, 300, 3), 100, np.uint8), np.ones((200, 300), np.uint8)
        >>> kseg.plots.Look(alpha=0.3)(image, mask, labels, {"road": 1.0}).shape
        (420, 600, 3)
    """

    alpha: float = 0.5
    contours: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ArgumentError(f"alpha= must be a number from 0 to 1. Received: {self.alpha}.")

    def __call__(
        self, image: np.ndarray, mask: np.ndarray, labels: Labels, areas: Mapping[str, float]
    ) -> np.ndarray:
        """Draw an overlay with a legend below it; a small image in a multiple of its size.

        Args:
            image: Uint8, `(H, W, channels)`.
            mask: Class indices, `(H, W)`.
            labels: Classes and colours.
            areas: The part of the image per class, in (0, 1], which the legend tells.

        Returns:
            Uint8 RGB.
        """
        times = max(1, SMALL // max(mask.shape))
        if times > 1:
            image, mask = (np.repeat(np.repeat(of, times, 0), times, 1) for of in (image, mask))
        height, width = mask.shape
        entries = [
            (f"{printable(name)} {areas[name]:.1%}", color)
            for name, color in zip(labels.names, labels.colors, strict=True)
            if name in areas
        ]
        size = max(legends.SIZE, max(height, width) // LETTERS)
        below = legends.legend(entries, max(width, NARROWEST), size)
        canvas = np.full((height + len(below), below.shape[1], 3), 255, np.uint8)
        canvas[:height, :width] = as_rgb(image)
        canvas[height:] = below
        _tint(canvas[:height, :width], mask, labels, self.alpha, contours=self.contours)
        return canvas


def _outlines(mask: np.ndarray) -> np.ndarray:
    """Return where a border of classes is near, bool `(H, W)`: nearer in small images."""
    found = np.zeros(mask.shape, bool)
    for here, next_to in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differs = mask[here] != mask[next_to]
        found[here] |= differs
        found[next_to] |= differs
    for _ in range(max(mask.shape) // THIN):
        wider = found.copy()
        for here, next_to in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            wider[here] |= found[next_to]
            wider[next_to] |= found[here]
        found = wider
    return found


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return what can be shown of an image, uint8 `(H, W, 3)`.

    Of three channels and more these are the first three; else the first one, as grey.
    """
    channels = image.shape[-1]
    return image[..., :3] if channels >= 3 else np.repeat(image[..., :1], 3, axis=-1)


def error_map(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, ignore: int | None = 255
) -> np.ndarray:
    """Show where a prediction is wrong: red; void is dark, and what is right a pale grey photo.

    Args:
        image: Uint8, `(H, W, channels)`.
        truth: Class indices, `(H, W)`.
        predicted: Class indices, `(H, W)`.
        ignore: The index of void pixels; `None` for none.

    Returns:
        Uint8 RGB, `(H, W, 3)`.

    Example:
        >>> image, truth = np.zeros((1, 3, 3), np.uint8), np.array([[0, 1, 255]])
        >>> kseg.plots.error_map(image, truth, np.array([[0, 0, 0]]))  # right, wrong, void
        array([[[165, 165, 165],
                [204,  51,  17],
                [ 40,  40,  40]]], dtype=uint8)
    """
    grey = as_rgb(image).mean(axis=-1, dtype=np.float32)
    pale = (165 + grey * (90 / 255)).astype(np.uint8)
    shown = np.repeat(pale[..., None], 3, axis=-1)
    is_void = truth == ignore if ignore is not None else np.zeros(truth.shape, bool)
    shown[(truth != predicted) & ~is_void] = WRONG
    shown[is_void] = LEFT_OUT
    return shown
