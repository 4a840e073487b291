"""Curves over the epochs of a training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure


def training_curves(
    history: Mapping[str, Sequence[float] | np.ndarray], heads: Sequence[str] = ()
) -> Figure:
    """Draw a panel per quantity, training and validation in one; the best epoch is marked.

    Args:
        history: Values per epoch under the names of Keras's logs (`loss`, `val_loss`, `mean_iou`,
            ...); NaN where an epoch has none.
        heads: Names of losses of single heads, drawn thin beside `loss`.

    Example:
        >>> history = {"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "mean_iou": [0.2, 0.6]}
        >>> figure = kseg.plots.training_curves(history)
        >>> [axis.get_title() for axis in figure.axes]
        ['loss', 'mean IoU']
    """
    names = [
        name
        for name in history
        if name != "epoch" and not name.startswith("val_") and name not in heads
    ]
    epochs = np.asarray(history.get("epoch", range(1, 1 + len(history[names[0]]))))
    figure = Figure(figsize=(4.2 * len(names), 3.4), layout="constrained")
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axis.plot(epochs, history[name], ".-", color="tab:blue", label="train")
        validation = np.asarray(history.get(f"val_{name}", ()), float)
        if np.isfinite(validation).any():
            seen = np.isfinite(validation)
            axis.plot(epochs[seen], validation[seen], ".-", color="tab:orange", label="validation")
            best = np.nanargmin(validation) if name == "loss" else np.nanargmax(validation)
            axis.plot(epochs[best], validation[best], "o", color="tab:red", fillstyle="none", ms=9)
            axis.annotate(
                f"{validation[best]:.3f}",
                (epochs[best], validation[best]),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
            axis.legend(fontsize=8)
        for head in heads if name == "loss" else ():
            axis.plot(epochs, history[head], "-", linewidth=0.7, label=head)
            axis.legend(fontsize=8)
        axis.set_title(name.replace("_", " ").replace("iou", "IoU"), fontsize=10)
        axis.margins(0.08, 0.12)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    return figure
