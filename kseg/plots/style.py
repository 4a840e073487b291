"""What all pictures have in common: colours that people with any sight tell apart, and sizes."""

from matplotlib.axes import Axes

TRAIN, VALIDATION, GOOD, BAD, NEUTRAL = "#0072b2", "#d55e00", "#009e73", "#cc3311", "#808080"
"""The first three are of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/."""
TITLE, TEXT, SMALL = 10, 9, 8
"""Sizes of letters, in points."""
PANEL = (4.2, 3.2)
"""Width and height of one of several panels, in inches."""


def plain(axis: Axes) -> None:
    """Give a panel a quiet grid and no more frame than its two axes."""
    axis.grid(alpha=0.3)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=SMALL)
