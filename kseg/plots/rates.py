"""Learning rates: over a training, and what a loss does while they rise."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from kseg.plots import style

SIZE = (6.4, 3.6)


def schedule_picture(
    done: Sequence[float] | np.ndarray,
    rates: Sequence[float] | np.ndarray,
    epochs: int | None = None,
    warmup: float = 0.0,
) -> Figure:
    """Draw the learning rate over a training.

    Args:
        done: The part of the training that is done, rising, in [0, 1].
        rates: The learning rate at each.
        epochs: Epochs of the training, which a second axis counts; `None` where they are open.
        warmup: The part in which the rate rises at first, shaded, in [0, 1).

    Example:
        >>> figure = kseg.plots.schedule_picture([0, 0.5, 1], [0.1, 0.2, 0.0], epochs=20)
        >>> figure.axes[0].get_xlabel(), figure.axes[0].child_axes[0].get_xlabel()
        ('part of the training in %', 'epochs')
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    axis.plot(100 * np.asarray(done, float), rates, color=style.TRAIN)
    if warmup:
        axis.axvspan(0, 100 * warmup, color=style.VALIDATION, alpha=0.15, label="warm-up")
        axis.legend(fontsize=style.SMALL, frameon=False)
    axis.set_xlabel("part of the training in %", fontsize=style.TEXT)
    axis.set_ylabel("learning rate", fontsize=style.TEXT)
    axis.set_xlim(0, 100)
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter("{x:g}")
    style.plain(axis)
    if epochs is not None:
        top = axis.secondary_xaxis(
            "top",
            functions=(partial(np.multiply, epochs / 100), partial(np.multiply, 100 / epochs)),
        )
        top.set_xlabel("epochs")
    return figure


def rate_test_picture(
    rates: Sequence[float] | np.ndarray,
    losses: Sequence[float] | np.ndarray,
    smoothed: Sequence[float] | np.ndarray,
    suggestion: float | None = None,
) -> Figure:
    """Draw what a loss did while the learning rate rose.

    Args:
        rates: The rate of each step, rising, above 0.
        losses: The loss of each step; what is not finite is left out.
        smoothed: Their running average, the same.
        suggestion: A rate to mark; `None` for none.

    Example:
        >>> figure = kseg.plots.rate_test_picture([1e-3, 1e-2], [2.0, 1.0], [2.0, 1.5], 1e-2)
        >>> figure.axes[0].get_xscale()
        'log'
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    axis.plot(rates, losses, ".", color=style.TRAIN, alpha=0.35, label="loss of a step")
    axis.plot(rates, smoothed, color=style.TRAIN, label="smoothed")
    if suggestion is not None:
        axis.axvline(suggestion, color=style.BAD, linestyle="--", label=f"{suggestion:.1e}")
    known = np.asarray(losses, float)
    known = known[np.isfinite(known)]
    if known.size:  # the explosion would press all else flat
        low, high = known.min(), np.median(known[: max(1, len(known) // 3)])
        margin = 0.15 * (high - low) or 1.0
        axis.set_ylim(low - margin, high + 3 * margin)
    axis.set_xscale("log")
    axis.set_xlabel("learning rate", fontsize=style.TEXT)
    axis.set_ylabel("loss", fontsize=style.TEXT)
    style.plain(axis)
    axis.legend(fontsize=style.SMALL, frameon=False)
    return figure
