"""Masks over images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from kseg.labels import Labels
from kseg.plots.text import letters

ROWS = 256


def overlay(
    image: np.ndarray, mask: np.ndarray, labels: Labels, strength: float = 0.5
) -> np.ndarray:
    """Tint an image by its mask's colours, each region within an outline of its colour.

    Void is left as it is, and so is a class whose colour is black: the background.

    Args:
        image: Uint8, shape `(H, W, channels)`, shown as `as_rgb` does.
        mask: Class indices, shape `(H, W)`.
        labels: Classes and colours.
        strength: Part of the colour in the mixture, in [0, 1].

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
    is_tinted = np.zeros(256, bool)
    is_tinted[: len(labels)] = [any(color) for color in labels.colors]
    outlines = _outlines(mask)
    for top in range(0, len(tinted), ROWS):  # a mixture in floats takes eight times the image
        rows = slice(top, top + ROWS)
        colors, shown = labels.colorize(mask[rows]), is_tinted[mask[rows]]
        mixture = ((1 - strength) * tinted[rows] + strength * colors).astype(np.uint8)
        np.copyto(tinted[rows], mixture, where=shown[..., None])
        np.copyto(tinted[rows], colors, where=(shown & outlines[rows])[..., None])
    return tinted


def _outlines(mask: np.ndarray) -> np.ndarray:
    """Return where a pixel has a neighbour of another class, bool `(H, W)`."""
    found = np.zeros(mask.shape, bool)
    for here, next_to in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differs = mask[here] != mask[next_to]
        found[here] |= differs
        found[next_to] |= differs
    return found


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return what can be shown of an image, uint8 `(H, W, 3)`.

    Of three channels and more these are the first three; else the first one, as grey.
    """
    channels = image.shape[-1]
    return image[..., :3] if channels >= 3 else np.repeat(image[..., :1], 3, axis=-1)


def comparison(
    rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], labels: Labels
) -> Figure:
    """Draw image, truth and prediction side by side, one sample per row, with a legend.

    Args:
        rows: Name, image, true mask and predicted mask of each sample.
        labels: Classes and colours.
    """
    pictures = [
        (name, (as_rgb(image), labels.colorize(truth), labels.colorize(predicted)))
        for name, image, truth, predicted in rows
    ]
    return sheet(("image", "truth", "prediction"), pictures, labels)


def sheet(
    titles: Sequence[str], rows: Sequence[tuple[str, Sequence[np.ndarray]]], labels: Labels
) -> Figure:
    """Draw pictures in rows and columns, with a legend of the classes.

    Args:
        titles: One per column.
        rows: Name and pictures of each row, uint8 RGB, as many as there are titles.
        labels: Classes and colours.
    """
    height, width = rows[0][1][0].shape[:2]
    column = 3.2
    figure = Figure(
        figsize=(len(titles) * column, len(rows) * (column * height / width + 0.1) + 0.8),
        layout="constrained",
    )
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=11)
    for cells, (name, pictures) in zip(axes, rows, strict=True):
        for axis, picture in zip(cells, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
        cells[0].set_ylabel(letters(name), fontsize=8)
    entries = _legend(labels)
    lines = -(-len(entries) // int(2.4 * len(titles)))
    columns = -(-len(entries) // lines)
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize=9)
    return figure


def _legend(labels: Labels) -> list[Patch]:
    entries = [*zip(labels.names, labels.colors, strict=True), ("void", labels.void_color)]
    return [
        Patch(facecolor=(red / 255, green / 255, blue / 255), edgecolor="grey", label=letters(name))
        for name, (red, green, blue) in entries
    ]
