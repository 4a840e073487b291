"""Masks over images, large ones in bands of rows."""

import numpy as np
import pytest

from kseg.errors import ArgumentError
from kseg.labels import Labels
from kseg.plots import Look, error_map, overlay


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


LABELS = Labels(("ground", "box"), colors=((0, 0, 0), (200, 0, 0)))


def test_contours_leave_all_but_the_outlines():
    image, mask = np.full((9, 9, 3), 100, np.uint8), np.zeros((9, 9), np.uint8)
    mask[2:7, 2:7] = 1
    found = overlay(image, mask, LABELS, contours=True)
    outline = np.zeros((9, 9), bool)
    outline[2:7, 2:7] = True
    outline[3:6, 3:6] = False
    np.testing.assert_array_equal(found[outline], [LABELS.colors[1]] * 16)
    np.testing.assert_array_equal(found[~outline], 100)


def test_outlines_grow_with_the_image():
    widths = []
    for side in (400, 2500):
        mask = np.zeros((8, side), np.uint8)
        mask[:, side // 2 :] = 1
        found = overlay(np.full((8, side, 3), 100, np.uint8), mask, LABELS, contours=True)
        widths.append(int((found[4] == LABELS.colors[1]).all(axis=-1).sum()))
    assert widths == [1, 3]


def test_a_look_keeps_the_image_above_its_legend_and_draws_small_ones_larger():
    labels = Labels(("ground", "box", "pole"), colors=((0, 0, 0), (200, 0, 0), (0, 0, 250)))
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (400, 700, 3), np.uint8), np.ones((400, 700), np.uint8)
    found = Look(alpha=0.25)(image, mask, labels, {"box": 1.0})
    np.testing.assert_array_equal(found[:400], overlay(image, mask, labels, 0.25))
    legend = found[400:]
    assert 0 < len(legend) < 60
    assert (legend == (200, 0, 0)).all(axis=-1).any()
    assert not (legend == (0, 0, 250)).all(axis=-1).any()  # a class that is not there
    small = Look()(image[:100, :150], mask[:100, :150], labels, {"box": 1.0})
    assert small.shape[1] == 600
    np.testing.assert_array_equal(small[:400:4, ::4], overlay(image, mask, labels)[:100, :150])
    assert Look()(image[:9, :9], mask[:9, :9], labels, {}).shape == (9 * 66, 9 * 66, 3)
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        Look(alpha=2)


def test_errors_are_told_from_void_and_from_what_is_right():
    image = np.full((1, 4, 1), 255, np.uint8)
    truth, found = np.array([[0, 1, 255, 9]]), np.array([[0, 0, 0, 9]])
    right, wrong, void, other = error_map(image, truth, found)[0].tolist()
    assert right == other == [255, 255, 255]
    assert wrong == [204, 51, 17]
    assert void == [40, 40, 40]
    assert error_map(image, truth, found, ignore=None)[0, 2].tolist() == wrong
