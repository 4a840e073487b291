"""Risk over coverage, drawn."""

import numpy as np
import pytest

from kseg.plots import risk_coverage_picture


@pytest.mark.parametrize("risks", [[0.1, 0.2, 0.4], [0.4, 0.4, 0.4], [0.0, 0.0], []])
def test_all_curves_lie_below_the_upper_edge(risks):
    """The mean risk, a random order's, is where every curve ends; there may be no image at all."""
    curve, part = np.array(risks), np.arange(1, 1 + len(risks)) / max(len(risks), 1)
    mean = risks[-1] if risks else float("nan")
    figure = risk_coverage_picture(part, curve, curve, (mean, mean, mean))
    low, high = figure.axes[0].get_ylim()
    assert low == 0
    assert all(high > value for value in [0, *risks])
