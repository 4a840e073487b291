"""Curves over the epochs of a training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kseg.plots import style
from kseg.plots.text import letters

COLUMNS = 3
History = Mapping[str, Sequence[float] | np.ndarray]


def training_curves(
    history: History,
    heads: Sequence[str] = (),
    kept: int | None = None,
    class_iou: History | None = None,
) -> Figure:
    """Draw a panel per quantity, training and validation in one; the epoch that is kept is marked.

    Args:
        history: Values per epoch under the names of Keras's logs (`loss`, `val_loss`, `mean_iou`,
            ...); NaN where an epoch has none.
        heads: Names of losses of single heads; they share a panel.
        kept: The epoch that is kept, which all panels mark; `None` for none.
        class_iou: The validated IoU of each class by its name, a value per epoch, NaN where an
            epoch has none: drawn as a row of colours per class.

    Example:
        >>> history = {"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "mean_iou": [0.2, 0.6]}
        >>> figure = kseg.plots.training_curves(history, kept=2)
        >>> [axis.get_title(loc="left") for axis in figure.axes]
        ['loss', 'mean IoU']
    """
    names = [
        name
        for name in history
        if name not in ("epoch", "learning_rate") and not name.startswith("val_")
    ]
    single = [name for name in names if name not in heads]
    epochs = np.asarray(history.get("epoch", range(1, 1 + len(history[names[0]]))), float)
    more = [bool(heads), "learning_rate" in history, bool(class_iou)]
    count = len(single) + sum(more)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    width, height = style.PANEL
    figure = Figure(figsize=(width * columns, height * rows + 0.3), layout="constrained")
    panels = iter(figure.subplots(rows, columns, squeeze=False).flat)
    for name in single:
        _draw_pair(next(panels), epochs, history, name, kept)
    if more[0]:
        _draw_heads(next(panels), epochs, history, heads)
    if more[1]:
        _draw_rate(next(panels), epochs, history["learning_rate"])
    if class_iou:
        _draw_classes(figure, next(panels), epochs, class_iou)
    for axis in figure.axes[:count]:
        axis.set_xlabel("epoch", fontsize=style.TEXT)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if kept is not None:
            axis.axvline(kept, color=style.BAD, linestyle=":", linewidth=1.2)
    for axis in panels:
        axis.remove()
    _draw_legend(figure, kept)
    return figure


def _draw_pair(
    axis: Axes, epochs: np.ndarray, history: History, name: str, kept: int | None
) -> None:
    """Draw a quantity of the training and of the validation, and say what it was when kept."""
    style.plain(axis)
    train = np.asarray(history[name], float)
    validation = np.asarray(history.get(f"val_{name}", np.full(len(epochs), np.nan)), float)
    for values, color in ((train, style.TRAIN), (validation, style.VALIDATION)):
        seen = np.isfinite(values)
        marker = "." if seen.sum() < 40 else ""
        axis.plot(epochs[seen], values[seen], f"{marker}-", color=color, linewidth=1.4)
    axis.set_title(_named(name), loc="left", fontsize=style.TITLE)
    lost = epochs[~np.isfinite(train)].astype(int)
    if lost.size:
        listed = ", ".join(map(str, lost[:5])) + (", ..." if lost.size > 5 else "")
        axis.text(0.5, 0.5, f"not finite in epoch {listed}", transform=axis.transAxes,
                  ha="center", color=style.BAD, fontsize=style.TEXT)  # fmt: skip
    at = np.flatnonzero(epochs == kept)
    values = validation if np.isfinite(validation).any() else train
    if at.size and np.isfinite(values[at[0]]):
        said = f"{values[at[0]]:.3f} in epoch {kept}"
        axis.set_title(said, loc="right", fontsize=style.SMALL, color=style.NEUTRAL)
    axis.margins(0.03, 0.08)


def _draw_heads(axis: Axes, epochs: np.ndarray, history: History, heads: Sequence[str]) -> None:
    """Draw the losses of the heads, the last one's the darkest."""
    style.plain(axis)
    for number, head in enumerate(heads, start=1):
        shade = 0.25 + 0.75 * number / len(heads)
        axis.plot(epochs, history[head], "-", color=style.TRAIN, alpha=shade, label=letters(head))
        if f"val_{head}" in history:
            values = np.asarray(history[f"val_{head}"], float)
            seen = np.isfinite(values)
            axis.plot(epochs[seen], values[seen], "-", color=style.VALIDATION, alpha=shade)
    axis.set_title("loss of each head", loc="left", fontsize=style.TITLE)
    axis.legend(fontsize=style.SMALL, frameon=False)


def _draw_rate(axis: Axes, epochs: np.ndarray, rates: Sequence[float] | np.ndarray) -> None:
    style.plain(axis)
    axis.plot(epochs, rates, "-", color=style.NEUTRAL, linewidth=1.4)
    axis.set_title("learning rate", loc="left", fontsize=style.TITLE)
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter("{x:g}")


def _draw_classes(figure: Figure, axis: Axes, epochs: np.ndarray, class_iou: History) -> None:
    """Draw the IoU of each class as a row of colours over the epochs that were validated."""
    values = np.array([np.asarray(row, float) for row in class_iou.values()])
    seen = np.isfinite(values).any(axis=0)
    if not seen.any():
        axis.remove()
        return
    at = epochs[seen]
    middles = (at[1:] + at[:-1]) / 2
    edges = np.concatenate([[min(epochs[0], at[0]) - 0.5], middles, [at[-1] + 0.5]])
    rows = np.arange(len(values) + 1) - 0.5
    drawn = axis.pcolormesh(edges, rows, values[:, seen], vmin=0, vmax=1, cmap="viridis")
    axis.set_yticks(range(len(values)), [letters(name) for name in class_iou])
    axis.tick_params(labelsize=style.SMALL)
    axis.invert_yaxis()
    axis.set_title("IoU of each class, validation", loc="left", fontsize=style.TITLE)
    figure.colorbar(drawn, ax=axis).ax.tick_params(labelsize=style.SMALL)


def _draw_legend(figure: Figure, kept: int | None) -> None:
    entries = [
        Line2D([], [], color=style.TRAIN, label="train"),
        Line2D([], [], color=style.VALIDATION, label="validation"),
    ]
    if kept is not None:
        label = f"epoch {kept}, which is kept"
        entries.append(Line2D([], [], color=style.BAD, linestyle=":", label=label))
    figure.legend(
        handles=entries,
        loc="outside upper left",
        ncols=len(entries),
        fontsize=style.TEXT,
        frameon=False,
    )


def _named(name: str) -> str:
    return letters(name.replace("_", " ").replace("iou", "IoU").replace("dice", "Dice"))
