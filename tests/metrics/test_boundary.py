"""Scores of borders against cases by hand and point by point."""

import numpy as np
import pytest

from kseg.metrics import score_borders


def square(top, left, side=6, size=(20, 24)):
    mask = np.zeros(size, np.uint8)
    mask[top : top + side, left : left + side] = 1
    return mask


def outline(mask, index, ignore=255):
    """Pixels of a class with a neighbour, by an edge, of another class that is not void."""
    points = []
    for row, column in np.argwhere(mask == index):
        for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            y, x = row + down, column + right
            is_inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
            if is_inside and mask[y, x] not in (index, ignore):
                points.append((row, column))
                break
    return np.array(points, float).reshape(-1, 2)


def distances(points, others):
    return np.sqrt(((points[:, None] - others[None]) ** 2).sum(axis=-1)).min(axis=1)


def test_a_perfect_prediction():
    mask = square(5, 5)
    scores = score_borders(mask, mask, 3)
    np.testing.assert_array_equal(scores.f1, [1, 1, np.nan])
    np.testing.assert_array_equal(scores.iou, [1, 1, np.nan])
    np.testing.assert_array_equal(scores.hausdorff_95, [0, 0, np.nan])
    np.testing.assert_array_equal(scores.surface_distance, [0, 0, np.nan])


def test_a_square_moved_by_two_pixels():
    # Of the 20 outline pixels of a square of side 6, those of the two upright edges move by 2, and
    # the 8 between them on the two level edges, of which 2 leave the other's edge by 1 and 2.
    scores = score_borders(square(5, 5), square(5, 7), 2, tolerance=1)
    out = distances(outline(square(5, 7), 1), outline(square(5, 5), 1))
    assert len(out) == 20
    assert scores.f1[1] == pytest.approx((out <= 1).mean())
    assert scores.hausdorff_95[1] == pytest.approx(np.percentile(out, 95)) == 2
    assert scores.surface_distance[1] == pytest.approx(out.mean())


@pytest.mark.parametrize("tolerance", [1, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_definitions_point_by_point(tolerance, seed):
    rng = np.random.default_rng(seed)
    truth, predicted = (
        np.kron(rng.integers(0, 3, (4, 5)), np.ones((4, 4), int)).astype(np.uint8) for _ in range(2)
    )
    truth[rng.uniform(size=truth.shape) < 0.1] = 255
    seen = np.where(truth == 255, 255, predicted)
    scores = score_borders(truth, predicted, 3, tolerance=tolerance)
    for index in range(3):
        true, guess = outline(truth, index), outline(seen, index)
        out, back = distances(guess, true), distances(true, guess)
        precision, recall = (out <= tolerance).mean(), (back <= tolerance).mean()
        f1 = 2 * precision * recall / (precision + recall)
        assert scores.f1[index] == pytest.approx(f1)
        farthest = max(np.percentile(out, 95), np.percentile(back, 95))
        assert scores.hausdorff_95[index] == pytest.approx(farthest)
        mean = np.concatenate([out, back]).mean()
        assert scores.surface_distance[index] == pytest.approx(mean)
        bands = []
        for mask, line in ((truth, true), (seen, guess)):
            inside = np.argwhere(mask == index)
            near = inside[distances(inside.astype(float), line) < tolerance]
            bands.append({tuple(point) for point in near})
        assert scores.iou[index] == pytest.approx(
            len(bands[0] & bands[1]) / len(bands[0] | bands[1])
        )


def test_what_lies_under_void_changes_nothing():
    truth = square(5, 5)
    truth[:, 12:] = 255
    one, other = square(5, 5), square(5, 5)
    other[:, 12:] = 1
    first, second = score_borders(truth, one, 2), score_borders(truth, other, 2)
    np.testing.assert_array_equal(first.counts, second.counts)
    np.testing.assert_array_equal(first.f1, [1, 1])


def test_a_tolerance_is_above_zero_and_one_for_all():
    mask = np.zeros((4, 4), int)
    with pytest.raises(ValueError, match="tolerance must be"):
        score_borders(mask, mask, 2, tolerance=0)
    with pytest.raises(ValueError, match="Received: 1 and 2 pixels"):
        score_borders(mask, mask, 2, tolerance=1) + score_borders(mask, mask, 2, tolerance=2)


def test_the_edge_of_the_image_is_no_border():
    everything = np.ones((6, 7), np.uint8)
    scores = score_borders(everything, everything, 2)
    assert np.isnan(scores.f1).all()


def test_a_class_that_is_missed_scores_zero_and_has_no_distance():
    scores = score_borders(square(5, 5), np.zeros((20, 24), np.uint8), 2)
    assert scores.f1[1] == 0
    assert scores.iou[1] == 0
    assert np.isnan(scores.hausdorff_95[1])


def test_images_are_summed_before_they_are_divided():
    small, large = square(5, 5, 4), square(5, 5, 8)
    empty = np.zeros((20, 24), np.uint8)
    both = score_borders(small, small, 2) + score_borders(large, empty, 2)
    true, met = 12 + 28, 12
    assert both.f1[1] == pytest.approx(2 * (met / true) / (1 + met / true))


def test_outlines_that_void_hides_have_no_score():
    """As in a data set whose masks have a border of void around everything: none can be met."""
    truth = np.zeros((12, 12), int)
    truth[3:9, 3:9] = 255
    truth[5:7, 5:7] = 1
    predicted = np.zeros((12, 12), int)
    predicted[0:2, 0:2] = 1
    borders = score_borders(truth, predicted, 2)
    assert np.isnan(borders.f1).all()
    assert np.isnan(borders.iou).all()
    truth[truth == 255] = 0
    assert (score_borders(truth, predicted, 2).f1 == 0).all()
