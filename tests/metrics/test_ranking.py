"""Risk over coverage, worked out by hand."""

import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.metrics import Ranking

RISK = np.array([0.4, 0.0, 0.2])


@pytest.mark.parametrize(
    ("uncertainty", "risks"),
    [
        ([0.9, 0.1, 0.5], [0.0, 0.1, 0.2]),  # knows: 0, (0 + 0.2) / 2, 0.6 / 3
        ([0.1, 0.9, 0.5], [0.4, 0.3, 0.2]),  # has it upside down
        ([0.5, 0.5, 0.5], [0.4, 0.2, 0.2]),  # says nothing: the order they came in
    ],
)
def test_the_surest_come_first(uncertainty, risks):
    found = Ranking(np.array(uncertainty), RISK)
    np.testing.assert_allclose(found.risks, risks)
    np.testing.assert_allclose(found.coverages, [1 / 3, 2 / 3, 1])
    assert found.area == pytest.approx(np.mean(risks))
    assert found.random_area == pytest.approx(0.2)
    assert found.oracle_area == pytest.approx(0.1)


def test_a_random_order_has_the_mean_risk_in_the_mean():
    rng = np.random.default_rng(0)
    risk = rng.uniform(size=12)
    areas = [Ranking(rng.uniform(size=12), risk).area for _ in range(4000)]
    assert np.mean(areas) == pytest.approx(Ranking(risk, risk).random_area, abs=0.01)
    assert Ranking(risk, risk).area == Ranking(risk, risk).oracle_area <= min(areas)


def test_an_image_of_which_nothing_is_known_takes_no_part():
    found = Ranking(np.array([0.1, 0.2, 0.3]), np.array([0.5, np.nan, 0.1]))
    np.testing.assert_allclose(found.risks, [0.5, 0.3])


def test_without_images_there_is_no_area():
    assert np.isnan(Ranking(np.zeros(0), np.zeros(0)).area)


def test_unequal_numbers_are_refused():
    with pytest.raises(KsegError, match="uncertainty"):
        Ranking(np.zeros(2), np.zeros(3))
