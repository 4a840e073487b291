"""Pictures: what is in them, not how they look."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from kseg.labels import Labels
from kseg.models import catalog
from kseg.models.measures import parts, shapes_only
from kseg.models.settings import Model
from kseg.plots import (
    attention_picture,
    comparison,
    confusion_picture,
    network_picture,
    overlay,
    rate_test_picture,
    reliability_picture,
    schedule_picture,
    tradeoff_picture,
    training_curves,
)

LABELS = Labels(("ground", "box"))


def texts(figure):
    return {text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))}


def test_an_overlay_mixes_colours_and_leaves_void_and_a_black_background():
    image = np.full((6, 6, 3), 100, np.uint8)
    mask = np.zeros((6, 6), np.uint8)
    mask[:, 3:] = 1
    mask[0] = 255
    got = overlay(image, mask, LABELS, alpha=0.5)
    np.testing.assert_array_equal(got[:, :3], image[:, :3])  # the ground is black
    np.testing.assert_array_equal(got[0], image[0])
    np.testing.assert_array_equal(got[3, 5], [(100 + 230) // 2, (100 + 159) // 2, 50])
    np.testing.assert_array_equal(got[3, 3], LABELS.colors[1])  # the outline of the box
    np.testing.assert_array_equal(got[1, 5], LABELS.colors[1])


def titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes if axis.get_title(loc="left")]


def test_curves_draw_a_panel_a_quantity_and_mark_the_epoch_that_is_kept_in_each():
    history = {
        "epoch": [1, 2, 3],
        "learning_rate": [0.1, 0.2, 0.1],
        "loss": [3, 2, 1],
        "val_loss": [3.5, 1.5, 2.5],
        "mean_iou": [0.1, 0.2, 0.3],
        "val_mean_iou": [np.nan, 0.4, 0.3],
    }
    class_iou = {"ground": [np.nan, 0.5, 0.4], "box": [np.nan, 0.3, 0.2]}
    figure = training_curves(history, kept=2, class_iou=class_iou)
    names = ["loss", "mean IoU", "learning rate", "IoU of each class, validation"]
    assert titles(figure) == names
    assert {"1.500 in epoch 2", "0.400 in epoch 2", "ground", "box"} <= texts(figure)
    for axis in figure.axes[:4]:
        assert [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == ":"] == [2]
    mesh = figure.axes[3].collections[0].get_array()
    np.testing.assert_allclose(mesh, [[0.5, 0.4], [0.3, 0.2]])


def test_a_loss_that_is_not_finite_is_told_in_words():
    history = {"epoch": [1, 2, 3], "loss": [3, np.nan, np.inf], "mean_iou": [0.1, 0.1, 0.1]}
    figure = training_curves(history)
    assert "not finite in epoch 2, 3" in texts(figure)
    assert titles(figure) == ["loss", "mean IoU"]


def test_rows_of_a_comparison_are_as_high_as_their_pictures():
    """A landscape below a portrait leaves no gap; all pictures fill their column."""
    shapes = ((60, 40), (30, 40), (40, 40))
    rows = [
        ("", np.zeros((*shape, 3), np.uint8), *2 * [np.zeros(shape, np.uint8)]) for shape in shapes
    ]
    figure = comparison(rows, LABELS)
    figure.draw_without_rendering()
    boxes = [axis.get_window_extent() for axis in figure.axes[::4]]
    for box, (height, width) in zip(boxes, shapes, strict=True):
        assert box.height / box.width == pytest.approx(height / width, rel=0.01)
        assert box.width == pytest.approx(boxes[0].width, rel=0.05)
    for above, below in zip(boxes, boxes[1:], strict=False):
        assert above.y0 - below.y1 < 0.15 * boxes[0].width


def test_a_comparison_has_four_pictures_a_row_and_a_legend():
    image, mask = np.zeros((8, 12, 3), np.uint8), np.zeros((8, 12), np.uint8)
    figure = comparison([("a", image, mask, mask), ("b", image, mask, mask)], LABELS)
    assert len(figure.axes) == 8
    assert {"image", "truth", "prediction", "errors", "a", "b"} <= texts(figure)
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert entries == ["ground", "box", "void", "wrong"]


def test_a_confusion_matrix_is_in_percent_of_the_truth():
    figure = confusion_picture(np.array([[3, 1], [0, 0]]), LABELS)
    assert {"75", "25", "truth", "prediction"} <= texts(figure)


def test_losses_of_heads_share_a_panel():
    history = {"epoch": [1, 2], "loss": [3, 2], "x0_1": [4, 3], "val_x0_1": [4, 4], "x0_2": [2, 1]}
    figure = training_curves(history, heads=["x0_1", "x0_2"])
    assert titles(figure) == ["loss", "loss of each head"]
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ["x0_1", "x0_2"]


def test_a_network_is_drawn_from_left_to_right_and_down_by_halvings():
    parts = {"image": (3, 1), "encoder_1": (4, 1), "bottleneck": (8, 2), "decoder_1": (4, 1)}
    joined = {("image", "encoder_1"), ("encoder_1", "bottleneck"), ("bottleneck", "decoder_1")}
    figure = network_picture(parts, joined | {("encoder_1", "decoder_1")}, "a network")
    places = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    across = places["encoder 1\n4"][0]
    down = places["bottleneck\n8"][1]
    assert places["image\n3"] == (0, 0)
    assert across > 0 > down
    assert places["bottleneck\n8"] == (2 * across, down)
    assert places["decoder 1\n4"] == (3 * across, 0)
    assert len(figure.axes[0].patches) == 4


@pytest.mark.parametrize("arch", ["unetpp", "unet3plus", "u2net", "encoder_unetpp"])
def test_no_arrow_of_a_network_crosses_a_part(arch):
    with shapes_only():
        drawn, joined = parts(catalog.build(Model(arch=arch, heads=1), (64, 64, 3), 2))
    figure = network_picture(drawn, joined)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_bbox_patch() for text in figure.axes[0].texts]
    extents = [box.get_window_extent(canvas.get_renderer()) for box in boxes if box is not None]
    assert len(extents) == len(drawn)
    for arrow in figure.axes[0].patches:
        path = arrow.get_path().transformed(arrow.get_transform())
        for line in path.to_polygons(closed_only=False):
            points = np.linspace(line[:-1], line[1:], 50).reshape(-1, 2)
            assert not any(box.contains(*point) for box in extents for point in points)


def test_attention_is_drawn_over_the_whole_image():
    maps = {"decoder_1_gate": np.ones((8, 12, 1)), "decoder_2_gate": np.zeros((4, 6, 1))}
    figure = attention_picture(np.zeros((8, 12, 3), np.uint8), maps)
    assert {"image", "decoder 1 gate", "decoder 2 gate"} <= texts(figure)
    extents = [axis.images[-1].get_extent() for axis in figure.axes[:3]]
    assert extents[0] == extents[1] == extents[2]


def test_a_reliability_diagram_shows_how_often_each_bin_is_right():
    pixels, correct = np.array([0, 10, 0, 30]), np.array([0, 5, 0, 15])
    figure = reliability_picture(pixels, np.array([0, 4.0, 0, 27.0]), correct, 0.325)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "model")
    np.testing.assert_allclose(line.get_xydata(), [[0.4, 0.5], [0.9, 0.5]])
    assert [bar.get_height() for bar in figure.axes[1].patches] == [0, 25, 0, 75]
    assert "0.325" in figure.axes[0].get_title()


def test_a_tradeoff_rings_the_chosen_network():
    figure = tradeoff_picture(["a", "b"], [0.5, 0.6], {"cost": [1, 2], "speed": [9, 3]}, "a")
    for axes, place in zip(figure.axes, (1, 9), strict=True):
        ring = axes.lines[-1]
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (place, 0.5)


def test_names_are_drawn_letter_by_letter():
    labels = Labels(("$a_1^$", "b\n\x1b[31m"))
    image, mask = np.zeros((6, 6, 3), np.uint8), np.zeros((6, 6), np.uint8)
    for figure in (
        confusion_picture(np.array([[3, 1], [0, 4]]), labels),
        comparison([("$x$", image, mask, mask)], labels),
    ):
        figure.savefig(io.BytesIO(), format="png")
        assert {r"\$a_1^\$", r"b\n\x1b[31m"} <= texts(figure)


def test_a_schedule_is_drawn_over_parts_and_epochs_with_its_rise():
    figure = schedule_picture([0, 0.25, 0.5], [0.1, 0.2, 0.05], epochs=40, warmup=0.25)
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[0, 0.1], [25, 0.2], [50, 0.05]])
    assert {"warm-up", "learning rate", "epochs"} <= texts(figure)
    figure.draw_without_rendering()
    assert axis.child_axes[0].get_xlim() == (0, 40)
    assert "epochs" not in texts(schedule_picture([0, 0.5], [1, 1]))


def test_a_range_test_is_drawn_with_its_suggestion_and_without_its_explosion():
    rates = np.geomspace(1e-5, 1, 6)
    losses = [2, 2, 1.5, 1, 500, np.nan]
    figure = rate_test_picture(rates, losses, [2, 2, 1.7, 1.3, 60, np.nan], rates[2])
    axis = figure.axes[0]
    assert "1.0e-03" in texts(figure)
    assert axis.lines[2].get_xdata()[0] == rates[2]
    assert axis.get_ylim()[0] < 1
    assert 2 < axis.get_ylim()[1] < 3


def test_a_collapsed_model_does_not_look_calibrated():
    pixels, correct = np.array([0, 10]), np.array([0, 9])
    figure = reliability_picture(pixels, np.array([0, 9.0]), correct, 0.0, is_collapsed=True)
    assert "one class is predicted everywhere:\nthis says nothing" in texts(figure)
    assert not any("calibration error" in text for text in texts(figure))
