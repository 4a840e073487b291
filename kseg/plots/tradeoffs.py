"""What is gained and what it costs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from kseg.plots import style
from kseg.plots.text import letters


def tradeoff_picture(
    names: Sequence[str],
    scores: Sequence[float],
    costs: Mapping[str, Sequence[float]],
    chosen: str | None = None,
) -> Figure:
    """Draw scores over each cost, one point per network, the chosen one ringed.

    Args:
        names: Names of the networks, the smallest first.
        scores: Mean IoU of each, in [0, 1].
        costs: By the axis' label, a number for each network.
        chosen: Name of the network to ring.
    """
    figure = Figure(figsize=(4.2 * len(costs), 3.6), layout="constrained")
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    for axes, (label, values) in zip(panels, costs.items(), strict=True):
        axes.plot(values, scores, "o-", color=style.TRAIN, linewidth=0.8)
        for name, value, score in zip(names, values, scores, strict=True):
            axes.annotate(
                letters(name),
                (value, score),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=style.SMALL,
            )
            if name == chosen:
                ring = {"color": style.BAD, "fillstyle": "none", "ms": 13}
                axes.plot(value, score, "o", label="recommended", **ring)
                axes.legend(fontsize=style.SMALL, frameon=False, loc="lower right")
        axes.set_xlabel(label, fontsize=style.TEXT)
        axes.margins(0.15, 0.2)
        style.plain(axes)
    panels[0].set_ylabel("mean IoU", fontsize=style.TEXT)
    return figure
