"""Networks as pictures: their parts from left to right, a step down per halving of the size."""

import math
from collections.abc import Collection, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from kseg.plots import style

COLOURS = ("#4e79a7", "#59a14f", "#edc948", "#f28e2b", "#e15759", "#b07aa1", "#9c755f", "#76b7b2")


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
    places = {name: (columns[name], -math.log2(smaller)) for name, (_, smaller) in parts.items()}
    rows = [row for _, row in places.values()]
    figure = Figure(
        figsize=(1.3 * max(columns.values()) + 2, 0.95 * (max(rows) - min(rows)) + 2.2),
        layout="constrained",
    )
    axes = figure.subplots()
    for first, second in joined:
        _draw_arrow(axes, places[first], places[second])
    for name, place in places.items():
        _draw_box(axes, place, f"{name.replace('_', ' ')}\n{parts[name][0]}")
    levels = sorted({round(-row) for row in rows})
    axes.set_yticks([-level for level in levels], [f"1/{2**level}" for level in levels])
    axes.set_xticks([])
    axes.set_xlim(-0.7, max(columns.values()) + 0.7)
    axes.set_ylim(min(rows) - 0.6, max(rows) + 0.9)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
    axes.set_title(title, fontsize=style.TITLE)
    return figure


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow; one along a level, over the parts between, is bent upwards."""
    reach = abs(end[0] - start[0])
    is_straight = reach <= 1 or start[1] != end[1]
    bend = 0.0 if is_straight else -0.25 / math.sqrt(reach)
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


def _draw_box(axes: Axes, place: tuple[float, float], text: str) -> None:
    colour = COLOURS[round(-place[1]) % len(COLOURS)]
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
