"""Risk over coverage: whether a model knows what it gets wrong."""

import numpy as np
from matplotlib.figure import Figure

from kseg.plots import style


def risk_coverage_picture(
    coverages: np.ndarray, risks: np.ndarray, best: np.ndarray, areas: tuple[float, float, float]
) -> Figure:
    """Draw the mean risk of the surest part of the images, beside a random and the best order.

    Args:
        coverages: Parts of the images, in (0, 1], `(images,)`.
        risks: Mean risk of each part, the surest images first.
        best: The same in the order of the risks themselves.
        areas: Under the model's curve, a random one and the best.

    Example:
        >>> part, risks = np.array([0.5, 1.0]), np.array([0.1, 0.3])
        >>> figure = kseg.plots.risk_coverage_picture(part, risks, risks, (0.2, 0.3, 0.2))
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['random 0.300', 'model 0.200', 'best 0.200']

    References:
        Geifman and El-Yaniv 2017, https://arxiv.org/abs/1705.08500, Figure 1.
    """
    model, random, oracle = areas
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axis = figure.subplots()
    style.plain(axis)
    grey = style.NEUTRAL
    axis.axhline(random, linestyle="--", color=grey, linewidth=1, label=f"random {random:.3f}")
    axis.plot(coverages, risks, color=style.TRAIN, label=f"model {model:.3f}")
    axis.plot(coverages, best, color=style.GOOD, linewidth=1, label=f"best {oracle:.3f}")
    axis.set_xlabel("part of the images, the surest first", fontsize=style.TEXT)
    axis.set_ylabel("1 - mean IoU of an image, mean", fontsize=style.TEXT)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.08 * max([*risks, *best], default=0) or 1)
    axis.legend(title="area", fontsize=style.SMALL, frameon=False)
    return figure
