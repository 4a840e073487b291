"""Reliability diagrams: how often a model is right beside how sure it is."""

import numpy as np
from matplotlib.figure import Figure


def reliability_picture(
    pixels: np.ndarray, confidence: np.ndarray, correct: np.ndarray, error: float
) -> Figure:
    """Draw accuracy over confidence, and how many pixels are how sure.

    Args:
        pixels: Pixels per bin, int, `(bins,)`; the bins divide [0, 1] evenly.
        confidence: Sum of the probabilities of the predicted classes per bin.
        correct: Rightly predicted pixels per bin.
        error: Expected calibration error, for the title.

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
    above.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="calibrated")
    above.plot(sure, right, "o-", color="tab:blue", markersize=4, label="model")
    above.vlines(sure, np.minimum(sure, right), np.maximum(sure, right), "tab:red", alpha=0.5)
    above.set_ylabel("accuracy")
    above.set_title(f"expected calibration error {error:.3f}", fontsize=10)
    above.legend(fontsize=8, loc="upper left")
    share = 100 * pixels / max(pixels.sum(), 1)
    below.bar(edges[:-1], share, width=1 / len(pixels), align="edge", color="tab:blue", alpha=0.6)
    below.set_xlabel("probability of the predicted class")
    below.set_ylabel("% of pixels")
    for axis in (above, below):
        axis.set_xlim(0, 1)
        axis.grid(alpha=0.3)
    above.set_ylim(0, 1)
    return figure
