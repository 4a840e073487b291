"""Confusion matrices as pictures."""

import numpy as np
from matplotlib.figure import Figure

from kseg.labels import Labels
from kseg.plots import style
from kseg.plots.text import letters


def confusion_picture(matrix: np.ndarray, labels: Labels) -> Figure:
    """Draw a confusion matrix: each row says where the pixels of a true class went, in percent.

    Args:
        matrix: Pixel counts, shape `(classes, classes)`: rows truth, columns prediction.
        labels: Classes.

    Example:
        >>> labels = kseg.Labels(("background", "road"))
        >>> figure = kseg.plots.confusion_picture(np.array([[90, 10], [5, 45]]), labels)
        >>> [text.get_text() for text in figure.axes[0].texts]  # percent of each row
        ['90', '10', '10', '90']
    """
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(100.0 * matrix, totals, where=totals > 0, out=np.zeros(matrix.shape))
    side = max(4.5, 0.55 * len(labels) + 2)
    figure = Figure(figsize=(side, side), layout="constrained")
    axis = figure.subplots()
    axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
    axis.tick_params(labelsize=style.SMALL)
    axis.spines[:].set_visible(False)
    names = [letters(name) for name in labels.names]
    axis.set_xticks(range(len(labels)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), names)
    axis.set_xlabel("prediction", fontsize=style.TEXT)
    axis.set_ylabel("truth", fontsize=style.TEXT)
    axis.set_title("percent of the pixels of each true class", fontsize=style.TITLE)
    if len(labels) <= 30:
        for row, column in np.ndindex(share.shape):
            value = share[row, column]
            if value >= 0.5:
                color = "white" if value > 55 else "black"
                axis.text(
                    column,
                    row,
                    f"{value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=style.SMALL,
                    color=color,
                )
    return figure
