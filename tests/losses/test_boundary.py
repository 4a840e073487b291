"""Boundary loss against SciPy's distance transform."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from kseg.losses import Boundary
from kseg.losses.boundary import distance_to
from tests.losses.helpers import random_case, value


def scipy_distance(is_there, reach):
    if not is_there.any():
        return np.full(is_there.shape, float(reach))
    return np.minimum(distance_transform_edt(~is_there), reach)


@pytest.mark.parametrize("reach", [1, 4, 10])
def test_distances_equal_scipys(reach):
    rng = np.random.default_rng(0)
    is_there = rng.uniform(size=(3, 23, 17)) < np.array([0.3, 0.01, 0.0])[:, None, None]
    expected = [scipy_distance(image, reach) for image in is_there]
    np.testing.assert_allclose(distance_to(is_there, reach), expected, atol=1e-5)


def test_distances_in_lines_and_volumes_equal_scipys():
    rng = np.random.default_rng(0)
    for shape in ((2, 40), (2, 7, 9, 8)):
        is_there = rng.uniform(size=shape) < 0.05
        expected = [scipy_distance(image, 5) for image in is_there]
        axes = range(1, len(shape))
        np.testing.assert_allclose(distance_to(is_there, 5, axes), expected, atol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("reach", [3, 10])
def test_equals_the_formula(classes, reach):
    mask, p, _ = random_case(classes, shape=(2, 19, 14))
    mask[:, 4:12, 3:9] = 1
    both = np.concatenate([1 - p, p], axis=-1) if classes == 1 else p
    images = []
    for truth, predicted in zip(mask, both, strict=True):
        valid = truth != 255
        losses = []
        for index in np.unique(truth[valid]):
            target = truth == index
            other = valid & ~target
            distance = np.where(target, scipy_distance(other, reach), scipy_distance(target, reach))
            wrong = distance * np.abs(predicted[..., index] - target) / reach
            losses.append(wrong[valid].mean())
        images.append(np.mean(losses))
    assert value(Boundary(reach)(mask, p)) == pytest.approx(np.mean(images), rel=1e-5)


def test_a_case_by_hand():
    # A row 1 1 0 0 predicted as 1 0 0 0: the wrong pixel touches the boundary, at distance 1 of 2.
    mask, p = np.array([[[1, 1, 0, 0]]]), np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
    assert value(Boundary(2)(mask, p)) == pytest.approx(0.5 / 4)


def test_the_difference_of_two_predictions_is_the_papers():
    """Kervadec's loss is the mean of a signed distance times p; ours differs by a constant."""
    mask = np.zeros((1, 16, 16), int)
    mask[0, 3:9, 4:12] = 1
    first, second = (np.random.default_rng(seed).uniform(size=(1, 16, 16, 1)) for seed in (0, 1))
    inside = mask[0] == 1
    signed = distance_transform_edt(~inside) - distance_transform_edt(inside)
    expected = (signed * (first - second)[0, ..., 0]).mean() / 100
    loss = Boundary(100, classes=(1,))
    assert value(loss(mask, first)) - value(loss(mask, second)) == pytest.approx(expected, abs=1e-6)


def test_a_wrong_reach_is_refused():
    with pytest.raises(ValueError, match="reach must be"):
        Boundary(0)
