"""Networks as pictures: their parts from left to right, a step down per halving of the size."""

import math
from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from kseg.plots import style

COLOURS = ("#4e79a7", "#59a14f", "#edc948", "#f28e2b", "#e15759", "#b07aa1", "#9c755f", "#76b7b2")
ACROSS, DOWN = 1.3, 0.95
"""From a column to the next, and from a level to the next, in inches."""
ROOM = (0.4, 0.24)
"""What an arrow leaves free around the middle of a part, in inches."""
BENDS = tuple(sorted(np.round(np.arange(-0.5, 0.501, 0.02), 2).tolist(), key=lambda b: (abs(b), b)))
"""Bends of an arrow, the least first; a negative one leads a rightward arrow upwards."""

Place = tuple[float, float]


def network_picture(
    parts: Mapping[str, tuple[int, float]], joined: Collection[tuple[str, str]], title: str = ""
) -> Figure:
    """Draw a network.

    Args:
        parts: By name, in order from the input to the output: channels, and how many times smaller
            than the image the features are.
        joined: Pairs of names: the features of the first go into the second.
        title: Text above the picture.
    """
    columns = _columns(parts, joined)
    places = {
        name: (ACROSS * columns[name], -DOWN * math.log2(smaller))
        for name, (_, smaller) in parts.items()
    }
    bends = {pair: _bend(*pair, places) for pair in sorted(joined)}
    top = max(_curve(places[a], places[b], bend)[:, 1].max() for (a, b), bend in bends.items())
    left, right = -0.9, ACROSS * max(columns.values()) + 0.6
    bottom, top = min(row for _, row in places.values()) - 0.4, max(top, 0) + 0.7
    figure = Figure(figsize=(right - left, top - bottom))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(bottom, top))
    axes.set_axis_off()
    for (first, second), bend in bends.items():
        _draw_arrow(axes, places[first], places[second], bend)
    for name, place in places.items():
        _draw_box(axes, place, f"{name.replace('_', ' ')}\n{parts[name][0]}")
    for level in sorted({round(-row / DOWN) for _, row in places.values()}):
        axes.text(left + 0.1, -DOWN * level, f"1/{2**level}", fontsize=8, va="center")
    axes.text((left + right) / 2, top - 0.15, title, fontsize=style.TITLE, ha="center", va="top")
    return figure


def _bend(first: str, second: str, places: Mapping[str, Place]) -> float:
    """Return how far an arrow is bent: the least that leads around the parts between."""
    others = np.array([place for name, place in places.items() if name not in (first, second)])
    for bend in BENDS:
        curve = _curve(places[first], places[second], bend)
        apart = np.abs(curve[:, None] - others.reshape(1, -1, 2))
        if not (apart < ROOM).all(axis=-1).any():
            return bend
    return BENDS[0]


def _curve(start: Place, end: Place, bend: float) -> np.ndarray:
    """Return points of the curve that Matplotlib calls "arc3", shape `(N, 2)`."""
    (x, y), (to_x, to_y) = start, end
    middle = ((x + to_x) / 2 + bend * (to_y - y), (y + to_y) / 2 - bend * (to_x - x))
    t = np.linspace(0, 1, 65)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * np.array(middle) + t**2 * np.array(end)


def _draw_arrow(axes: Axes, start: Place, end: Place, bend: float) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=9,
            shrinkA=24,
            shrinkB=24,
            color="#888888",
            linewidth=0.9,
        )
    )


def _draw_box(axes: Axes, place: Place, text: str) -> None:
    colour = COLOURS[round(-place[1] / DOWN) % len(COLOURS)]
    axes.text(
        *place,
        text,
        ha="center",
        va="center",
        fontsize=7,
        color="white",
        bbox={"boxstyle": "round,pad=0.45", "facecolor": colour, "edgecolor": "none"},
    )


def _columns(
    parts: Mapping[str, tuple[int, float]], joined: Collection[tuple[str, str]]
) -> dict[str, int]:
    """Place each part right of all that lead to it; two of one size never in one place."""
    order = {name: number for number, name in enumerate(parts)}
    columns: dict[str, int] = {}
    taken: set[tuple[int, float]] = set()
    for name in parts:
        before = [
            first for first, second in joined if second == name and order[first] < order[name]
        ]
        column = 1 + max((columns[first] for first in before), default=-1)
        while (column, parts[name][1]) in taken:
            column += 1
        columns[name] = column
        taken.add((column, parts[name][1]))
    return columns
