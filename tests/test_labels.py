"""Labels: colours and values, there and back."""

import numpy as np
import pytest

from kseg import _files
from kseg.errors import KsegError
from kseg.labels import CITYSCAPES, Labels, read_labels


@pytest.mark.parametrize("ignore", [255, 3])
def test_colours_and_indices_are_inverse(ignore):
    labels = Labels(("a", "b", "c"), ignore=ignore)
    mask = np.array([[0, 1, 2, ignore]])
    np.testing.assert_array_equal(labels.from_colors(labels.colorize(mask)), mask)


def test_values_are_mapped_by_the_table():
    labels = Labels(("a", "b"), values={7: 0, 300: 1, 9: 255})
    np.testing.assert_array_equal(labels.from_values(np.array([[7, 300, 9]])), [[0, 1, 255]])
    with pytest.raises(ValueError, match=r"holds the values \[8\]; expected \[7, 9, 255, 300\]"):
        labels.from_values(np.array([[8]]))


def test_ranges_of_instances_and_all_others_are_mapped(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text('{"classes": ["a", "b"], "values": {"0": 0, "26000-26999": 1, "*": 255}}')
    labels = read_labels(path)
    mask = np.array([[0, 26000, 26999, 27000, 1, 2**31 - 1]])
    np.testing.assert_array_equal(labels.from_values(mask), [[0, 1, 1, 255, 255, 255]])
    assert labels.from_values(mask).dtype == np.uint8


def test_all_other_colours_are_mapped_too():
    labels = Labels(("a", "b"), ((1, 1, 1), (2, 2, 2)), other=255)
    image = np.array([[[1, 1, 1], [2, 2, 2], [9, 9, 9]]], np.uint8)
    np.testing.assert_array_equal(labels.from_colors(image), [[0, 1, 255]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_every_width_of_integers_is_read_alike(dtype):
    labels = Labels(("a", "b", "c"))
    mask = np.random.default_rng(0).choice([0, 1, 2, 255], (5, 7))
    np.testing.assert_array_equal(labels.from_values(mask.astype(dtype)), mask)


def test_cityscapes_keeps_the_19_classes_that_are_scored(tmp_path):
    """The table of cityscapesScripts (helpers/labels.py): raw id 7 is road, 33 bicycle."""
    path = tmp_path / "classes.json"
    path.write_text('{"classes": "cityscapes"}')
    labels = read_labels(path)
    assert len(labels) == 19
    expected = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, *range(6, 16)]
    expected += [255, 255, 16, 17, 18]
    np.testing.assert_array_equal(labels.from_values(np.arange(34, dtype=np.uint8)), expected)
    assert labels.names[expected[24]] == "person"


def test_survive_the_file(tmp_path):
    for labels in (
        Labels(("a", "b")),
        Labels(("a", "b"), ((1, 2, 3), (4, 5, 6)), 9, {0: 0, 5: 1}),
        Labels(("a", "b"), values={0: 0, 5: 1}, other=255),
        Labels(("a", "b"), other=255),
        CITYSCAPES,
    ):
        _files.write_json(tmp_path / "classes.json", labels.to_dict())
        assert read_labels(str(tmp_path / "classes.json")) == labels


def test_void_keeps_its_place_beside_a_table_and_its_colour_beside_a_palette(tmp_path):
    labels = Labels(("a", "b"), values={0: 0, 128: 1})
    np.testing.assert_array_equal(labels.from_values(np.array([[0, 128, 255]])), [[0, 1, 255]])
    path = tmp_path / "classes.json"
    path.write_text('{"classes": ["a", "b"], "palette": [[9, 9, 9], [1, 2, 3], [0, 0, 0]]}')
    void = read_labels(path).from_colors(np.array([[[0, 0, 0], [1, 2, 3]]], np.uint8))
    np.testing.assert_array_equal(void, [[255, 1]])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ignore": -1}, "in 0..255"),
        ({"ignore": 300}, "in 0..255"),
        ({"colors": ((0, 0, 0), (0, 0, 0))}, "different colours"),
        ({"colors": ((0, 0, 0), (0, 0, 300))}, "three numbers in 0..255"),
        ({"names": tuple(f"c{i}" for i in range(256))}, "at most 255"),
    ],
)
def test_labels_that_a_mask_cannot_hold_are_refused(fields, expected):
    with pytest.raises(ValueError, match=expected):
        Labels(**({"names": ("a", "b")} | fields))


def test_lists_in_lists_without_end_are_no_fault_of_kseg(tmp_path):
    path = tmp_path / "classes.json"
    path.write_text('{"classes": ' + "[" * 5000 + "]" * 5000 + "}")
    with pytest.raises(KsegError, match=r"classes\.json: .* Expected JSON such as"):
        read_labels(path)
