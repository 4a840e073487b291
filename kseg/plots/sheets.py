"""Pages of images, masks and what is wrong with them, sample by sample."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from kseg.labels import Labels
from kseg.plots import style
from kseg.plots.overlays import WRONG, as_rgb, error_map
from kseg.plots.text import letters


def comparison(
    rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], labels: Labels
) -> Figure:
    """Draw image, truth, prediction and errors side by side, one sample per row, with a legend.

    Args:
        rows: What is said of each sample, in one or two lines, its image, true mask and predicted
            mask.
        labels: Classes and colours.
    """
    pictures = [
        (
            said,
            (
                as_rgb(image),
                labels.colorize(truth),
                labels.colorize(predicted),
                error_map(image, truth, predicted, labels.ignore),
            ),
        )
        for said, image, truth, predicted in rows
    ]
    return sheet(
        ("image", "truth", "prediction", "errors"), pictures, labels, [_entry("wrong", WRONG)]
    )


def sheet(
    titles: Sequence[str],
    rows: Sequence[tuple[str, Sequence[np.ndarray]]],
    labels: Labels,
    more: Sequence[Patch] = (),
) -> Figure:
    """Draw pictures in rows and columns, with a legend of the classes.

    Args:
        titles: One per column.
        rows: What is said of each row, and its pictures, uint8 RGB, as many as there are titles.
        labels: Classes and colours.
        more: Further entries of the legend.
    """
    column = 3.2
    heights = [column * first.shape[0] / first.shape[1] for _, (first, *_) in rows]
    figure = Figure(
        figsize=(len(titles) * column, sum(heights) + 0.1 * len(rows) + 0.8), layout="constrained"
    )
    axes = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=heights)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=style.TITLE)
    for cells, (said, pictures) in zip(axes, rows, strict=True):
        for axis, picture in zip(cells, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        cells[0].set_ylabel("\n".join(map(letters, said.split("\n"))), fontsize=style.SMALL)
    entries = [*_legend(labels), *more]
    lines = -(-len(entries) // int(2.4 * len(titles)))
    columns = -(-len(entries) // lines)
    figure.legend(
        handles=entries,
        loc="outside lower center",
        ncols=columns,
        fontsize=style.TEXT,
        frameon=False,
    )
    return figure


def _legend(labels: Labels) -> list[Patch]:
    entries = [*zip(labels.names, labels.colors, strict=True), ("void", labels.void_color)]
    return [_entry(name, color) for name, color in entries]


def _entry(name: str, color: tuple[int, int, int]) -> Patch:
    red, green, blue = color
    face = (red / 255, green / 255, blue / 255)
    return Patch(facecolor=face, edgecolor="grey", label=letters(name))
