"""Reliability diagrams: how often a model is right beside how sure it is."""

import numpy as np
from matplotlib.figure import Figure

from kseg.plots import style


def reliability_picture(
    pixels: np.ndarray,
    confidence: np.ndarray,
    correct: np.ndarray,
    error: float,
    *,
    is_collapsed: bool = False,
) -> Figure:
    """Draw accuracy over confidence, and how many pixels are how sure.

    Args:
        pixels: Pixels per bin, int, `(bins,)`; the bins divide [0, 1] evenly.
        confidence: Sum of the probabilities of the predicted classes per bin.
        correct: Rightly predicted pixels per bin.
        error: Expected calibration error, for the title.
        is_collapsed: Whether the model predicts one class everywhere: then the title says that its
            confidence tells nothing, however well it fits.

    Example:
        >>> pixels, confidence, correct = np.array([0, 10]), np.array([0, 9.0]), np.array([0, 8])
        >>> figure = kseg.plots.reliability_picture(pixels, confidence, correct, error=0.1)
        >>> figure.axes[0].get_title()
        'expected calibration error 0.100'

    References:
        Guo et al. 2017, https://arxiv.org/abs/1706.04599, Figure 1.
    """
    seen = pixels > 0
    sure, right = confidence[seen] / pixels[seen], correct[seen] / pixels[seen]
    edges = np.linspace(0, 1, len(pixels) + 1)
    figure = Figure(figsize=(4.2, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], "--", color=style.NEUTRAL, linewidth=1, label="calibrated")
    color = style.NEUTRAL if is_collapsed else style.TRAIN
    above.plot(sure, right, "o-", color=color, markersize=4, label="model")
    above.vlines(sure, np.minimum(sure, right), np.maximum(sure, right), style.BAD, alpha=0.5)
    above.set_ylabel("accuracy", fontsize=style.TEXT)
    said = f"expected calibration error {error:.3f}"
    if is_collapsed:
        said = "one class is predicted everywhere:\nthis says nothing"
    above.set_title(said, fontsize=style.TITLE)
    above.legend(fontsize=style.SMALL, loc="upper left", frameon=False)
    share = 100 * pixels / max(pixels.sum(), 1)
    below.bar(edges[:-1], share, width=1 / len(pixels), align="edge", color=color, alpha=0.6)
    below.set_xlabel("probability of the predicted class", fontsize=style.TEXT)
    below.set_ylabel("% of pixels", fontsize=style.TEXT)
    for axis in (above, below):
        style.plain(axis)
        axis.set_xlim(0, 1)
    above.set_ylim(0, 1)
    return figure
