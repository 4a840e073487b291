"""Previews: the colours of the classes, exactly, and an animation that stays small."""

import numpy as np
import pytest
from PIL import Image

from kseg.labels import Labels
from kseg.plots.previews import FRAMES, HELD, PreviewSheet, write_animation, write_picture

LABELS = Labels(("ground", "box"), ((10, 120, 30), (200, 40, 90)), void_color=(1, 2, 3))


def masks_of(size, seed=0):
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 1
    mask[0] = 255
    return mask


def cell(picture, row, column, size):
    """The pixels of a cell, found by the layout that the docstring's picture shows."""
    pixels = np.asarray(picture.convert("RGB"))
    width = (pixels.shape[1] - 4 * 8) // 3
    top, left = 28 + row * (size[0] + 8), 8 + column * (width + 8)
    return pixels[top : top + size[0], left : left + size[1]]


def test_truth_and_prediction_stand_in_the_colours_of_the_classes():
    """Images of 64 pixels are shown four times as large."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (64, 48, 3), np.uint8) for _ in range(2)]
    masks = [masks_of((64, 48)), np.ones((64, 48), np.uint8)]
    picture = PreviewSheet(images, masks, LABELS).drawn(masks[::-1], "epoch 3")
    assert picture.mode == "P"
    for row in range(2):
        for column, mask in ((1, masks[row]), (2, masks[1 - row])):
            expected = LABELS.colorize(np.kron(mask, np.ones((4, 4), np.uint8)))
            np.testing.assert_array_equal(cell(picture, row, column, (256, 192)), expected)
    shown = cell(picture, 0, 0, (256, 192))[::4, ::4].astype(int)
    assert np.abs(shown - images[0]).mean() < 40


def test_large_images_are_made_smaller_and_grey_ones_are_shown():
    image, mask = np.full((300, 600, 1), 77, np.uint8), masks_of((300, 600))
    picture = PreviewSheet([image], [mask], LABELS).drawn([mask], "")
    shown = cell(picture, 0, 1, (128, 256))
    assert (shown[40, 80] == LABELS.colors[1]).all()
    assert (cell(picture, 0, 0, (128, 256)) == 77).all()


@pytest.mark.parametrize("count", [2, 60, 255])
def test_any_number_of_classes_has_a_legend(count):
    names = tuple(f"a class with a name of its own, {index}" for index in range(count))
    labels = Labels(names, ignore=255)
    image, mask = np.zeros((32, 32, 3), np.uint8), np.full((32, 32), count - 1, np.uint8)
    picture = PreviewSheet([image], [mask], labels).drawn([mask], "epoch 1")
    height = picture.size[1]
    assert height > 256 + 20 * count / 4
    if count < 200:
        assert (cell(picture, 0, 2, (256, 256)) == labels.colors[-1]).all()


def test_a_title_replaces_the_one_before():
    image, mask = np.zeros((32, 32, 3), np.uint8), masks_of((32, 32))
    sheet = PreviewSheet([image], [mask], LABELS)
    first, second = sheet.drawn([mask], "epoch 1"), sheet.drawn([mask], "epoch 2")
    again = PreviewSheet([image], [mask], LABELS).drawn([mask], "epoch 2")
    assert np.asarray(first).tolist() != np.asarray(second).tolist()
    np.testing.assert_array_equal(np.asarray(second), np.asarray(again))


def test_an_animation_is_thinned_out_and_holds_its_last_picture(tmp_path):
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (64, 64, 3), np.uint8), masks_of((64, 64))
    sheet, pictures = PreviewSheet([image], [mask], LABELS), []
    for epoch in range(90):
        pictures.append(tmp_path / f"{epoch}.png")
        predicted = rng.integers(0, 2, (64, 64)).astype(np.uint8)
        write_picture(pictures[-1], sheet.drawn([predicted], f"epoch {epoch + 1}"))
    write_animation(tmp_path / "a.gif", pictures)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == FRAMES
        for place, epoch in ((0, 0), (FRAMES - 1, 89)):
            animation.seek(place)
            expected = np.asarray(Image.open(pictures[epoch]).convert("RGB"))
            np.testing.assert_array_equal(np.asarray(animation.convert("RGB")), expected)
        assert animation.info["duration"] == HELD
        assert animation.info["loop"] == 0
    assert len(list(tmp_path.iterdir())) == 91
