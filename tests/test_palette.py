"""Colours are told apart as an independent model of sight has it."""

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from kseg._palette import distinct_colors
from kseg.labels import Labels

TO_LMS = np.array(
    [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
)
PROTANOPIA = np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]])
DEUTERANOPIA = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
"""Vienot, Brettel, Mollon 1999, Digital video colourmaps for checking the legibility of displays
by dichromats."""


def nearest(colors, sight):
    """Return the smallest CIEDE2000 between two of the colours as a person sees them."""
    linear = (np.array(colors) / 255) ** 2.2
    seen = np.clip(linear @ (np.linalg.inv(TO_LMS) @ sight @ TO_LMS).T, 0, 1) ** (1 / 2.2)
    lab = rgb2lab(seen)
    return min(deltaE_ciede2000(one, other) for one, other in itertools.combinations(lab, 2))


@pytest.mark.parametrize("sight", [np.eye(3), PROTANOPIA, DEUTERANOPIA])
@pytest.mark.parametrize(("count", "apart"), [(12, 11), (21, 8)])
def test_any_sight_tells_classes_void_and_paper_apart(sight, count, apart):
    around = ((255, 255, 255), Labels.void_color)
    assert nearest(distinct_colors(count) + around, sight) > apart


def test_255_colours_are_different_and_begin_alike():
    colors = distinct_colors(255)
    assert len(set(colors)) == 255
    assert colors[0] == (0, 0, 0)
    assert colors[:5] == distinct_colors(5) == Labels(tuple("abcde")).colors
