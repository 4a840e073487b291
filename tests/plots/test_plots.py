"""Pictures: what is in them, not how they look."""

import numpy as np

from kseg.labels import Labels
from kseg.plots import comparison, confusion_picture, overlay, training_curves

LABELS = Labels(("ground", "box"))


def texts(figure):
    return {text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))}


def test_an_overlay_mixes_colours_and_leaves_void():
    image = np.full((6, 6, 3), 100, np.uint8)
    mask = np.zeros((6, 6), np.uint8)
    mask[:, 3:] = 1
    mask[0] = 255
    got = overlay(image, mask, LABELS, strength=0.5)
    np.testing.assert_array_equal(got[3, 0], [50, 50, 50])
    np.testing.assert_array_equal(got[3, 5], [(100 + 128) // 2, 50, 50])
    np.testing.assert_array_equal(got[3, 3], [255, 255, 255])
    np.testing.assert_array_equal(got[0, 0], [100, 100, 100])


def test_curves_draw_a_panel_a_quantity_and_mark_the_best():
    history = {
        "epoch": [1, 2, 3],
        "loss": [3, 2, 1],
        "val_loss": [3.5, 1.5, 2.5],
        "mean_iou": [0.1, 0.2, 0.3],
        "val_mean_iou": [np.nan, 0.4, 0.3],
    }
    figure = training_curves(history)
    assert [axis.get_title() for axis in figure.axes] == ["loss", "mean IoU"]
    assert {"1.500", "0.400"} <= texts(figure)


def test_a_comparison_has_three_pictures_a_row_and_a_legend():
    image, mask = np.zeros((8, 12, 3), np.uint8), np.zeros((8, 12), np.uint8)
    figure = comparison([("a", image, mask, mask), ("b", image, mask, mask)], LABELS)
    assert len(figure.axes) == 6
    assert {"image", "truth", "prediction", "a", "b"} <= texts(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ground", "box", "void"]


def test_a_confusion_matrix_is_in_percent_of_the_truth():
    figure = confusion_picture(np.array([[3, 1], [0, 0]]), LABELS)
    assert {"75", "25", "truth", "prediction"} <= texts(figure)
