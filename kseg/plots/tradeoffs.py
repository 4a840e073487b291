"""What is gained and what it costs."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure


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
        axes.plot(values, scores, "o-", color="tab:blue", linewidth=0.8)
        for name, value, score in zip(names, values, scores, strict=True):
            axes.annotate(
                name, (value, score), xytext=(0, 7), textcoords="offset points", ha="center"
            )
            if name == chosen:
                axes.plot(value, score, "o", color="tab:red", fillstyle="none", ms=13)
        axes.set_xlabel(label)
        axes.margins(0.15, 0.2)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("mean IoU")
    return figure
