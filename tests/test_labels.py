"""Labels: colours and values, there and back."""

import numpy as np
import pytest

from kseg import _files
from kseg.labels import Labels, read_labels, voc_colors


def test_voc_colours_are_those_of_the_data_set():
    assert voc_colors(5) == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128))
    assert voc_colors(21)[20] == (0, 64, 128)


@pytest.mark.parametrize("ignore", [255, 3])
def test_colours_and_indices_are_inverse(ignore):
    labels = Labels(("a", "b", "c"), ignore=ignore)
    mask = np.array([[0, 1, 2, ignore]])
    np.testing.assert_array_equal(labels.from_colors(labels.colorize(mask)), mask)


def test_values_are_mapped_by_the_table():
    labels = Labels(("a", "b"), values={7: 0, 300: 1, 9: 255})
    np.testing.assert_array_equal(labels.from_values(np.array([[7, 300, 9]])), [[0, 1, 255]])
    with pytest.raises(ValueError, match=r"holds the values \[8\]; expected \[7, 9, 300\]"):
        labels.from_values(np.array([[8]]))


def test_survive_the_file(tmp_path):
    for labels in (Labels(("a", "b")), Labels(("a", "b"), ((1, 2, 3), (4, 5, 6)), 9, {0: 0, 5: 1})):
        _files.write_json(tmp_path / "classes.json", labels.to_dict())
        assert read_labels(tmp_path / "classes.json") == labels


def test_more_than_a_byte_of_classes():
    labels = Labels(tuple(f"c{i}" for i in range(300)), ignore=999)
    got = labels.from_values(np.array([[0, 299, 999]], np.int32))
    np.testing.assert_array_equal(got, [[0, 299, 999]])
