"""Things by their size, and how much of each is found."""

import numpy as np

from kseg.data import Sample
from kseg.evaluation import ThingCounts, Things
from kseg.inference import Decided
from kseg.labels import Labels

LABELS = Labels(("ground", "box", "pole"))


def counted(*pairs):
    counts = ThingCounts(LABELS)
    for number, (truth, found) in enumerate(pairs):
        sure = np.ones(truth.shape)
        sample = Sample(str(number), np.zeros((*truth.shape, 3), np.uint8), truth)
        counts.update(sample, Decided(found, sure, 1 - sure))
    return counts.result()


def test_each_region_is_a_thing_and_void_is_none():
    truth = np.full((20, 20), 255, np.uint8)
    truth[0:4, 0:4] = 1  # found by a half
    truth[4, 4] = 1  # touches it by a corner: the same thing
    truth[10:18, 10:18] = 1  # not found
    truth[0:20, 19] = 2  # found
    found = np.zeros_like(truth)
    found[0:4, 0:2], found[:, 19] = 1, 2
    things = counted((truth, found))
    assert things.classes.tolist() == [1, 1, 2]
    np.testing.assert_allclose(things.sides, np.sqrt([17, 64, 20]))
    np.testing.assert_allclose(things.recall, [8 / 17, 0, 1])


def test_the_table_parts_them_by_class_and_side_and_counts_those_found_by_half():
    things = Things(
        np.array([0, 1, 1, 1]), np.array([7.9, 8.0, 127.9, 128.0]), np.array([1, 0.5, 0.49, 1])
    )
    there, found = things.table(3)
    assert there.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 1, 1], [0] * 6]
    assert found.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 1], [0] * 6]


def test_several_images_add_up_and_none_has_none():
    truth = np.zeros((4, 4), np.uint8)
    assert len(counted((truth, truth), (truth + 1, truth)).recall) == 2
    assert counted().table(2)[0].sum() == 0
