"""Masks over images, large ones in bands of rows."""

import numpy as np

from kseg.labels import Labels
from kseg.plots import overlay


def test_rows_far_down_are_tinted_as_the_first():
    colors = ((10, 20, 30), (200, 100, 50))
    image = np.random.default_rng(0).integers(0, 256, (900, 5, 3), np.uint8)
    mask = np.repeat(np.array([0, 1, 255], np.uint8), 300)[:, None].repeat(5, axis=1)
    found = overlay(image, mask, Labels(("a", "b"), colors=colors))
    for index, color in enumerate(colors):
        rows = slice(300 * index + 1, 300 * index + 299)
        np.testing.assert_array_equal(found[rows], (0.5 * image[rows] + 0.5 * np.array(color)) // 1)
    np.testing.assert_array_equal(found[600:], image[600:])  # void
    for row, color in ((299, 0), (300, 1), (599, 1)):  # outlines
        assert (found[row] == colors[color]).all()
