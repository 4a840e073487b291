"""Masks without crumbs, against ones cleaned by hand."""

import numpy as np
import pytest

from kseg.inference import keep_largest, merge_small

MASK = np.array(
    [
        [0, 0, 0, 0, 0, 0, 1],
        [0, 1, 1, 1, 0, 0, 0],
        [0, 1, 2, 1, 0, 1, 0],
        [0, 1, 1, 1, 0, 0, 1],
    ],
    np.uint8,
)


def test_specks_go_and_holes_are_filled():
    expected = np.where(MASK == 2, 1, MASK)
    expected[0, 6] = expected[2, 5] = expected[3, 6] = 0
    np.testing.assert_array_equal(merge_small(MASK, 3), expected)
    # The two that touch by a corner are one region of two pixels.
    expected[2, 5] = expected[3, 6] = 1
    np.testing.assert_array_equal(merge_small(MASK, 2), expected)


@pytest.mark.parametrize("smallest", [0, 1, 100])
def test_where_all_or_nothing_is_too_small_the_mask_stays(smallest):
    np.testing.assert_array_equal(merge_small(MASK, smallest), MASK)


def test_the_largest_region_of_a_class_stays():
    expected = MASK.copy()
    expected[0, 6] = expected[2, 5] = expected[3, 6] = 0
    np.testing.assert_array_equal(keep_largest(MASK, [1]), expected)
    np.testing.assert_array_equal(keep_largest(MASK, [2, 3]), MASK)
