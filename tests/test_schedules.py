"""The schedule against its formula."""

import numpy as np
import pytest

from kseg._settings import validated
from kseg.errors import KsegError
from kseg.schedules import Schedule, cosine_with_warmup, make_schedule

pytestmark = pytest.mark.backend


def test_rises_linearly_and_falls_by_half_a_cosine():
    schedule = cosine_with_warmup(0.5, steps=100, warmup=0.2)
    rates = np.array([float(schedule(step)) for step in range(101)])
    np.testing.assert_allclose(rates[:21], np.linspace(0.005, 0.5, 21), rtol=1e-5)
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(81) / 80)) / 2
    np.testing.assert_allclose(rates[20:], falling, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_very_short_trainings_have_a_schedule(steps):
    rates = [float(cosine_with_warmup(0.1, steps)(step)) for step in range(steps)]
    assert all(0 < rate <= 0.1 + 1e-6 for rate in rates)


def test_constant_rises_and_stays():
    schedule = make_schedule(Schedule(name="constant", warmup=0.1), 0.1, 100)
    rates = np.array([float(schedule(step)) for step in range(100)])
    np.testing.assert_allclose(rates[:11], np.linspace(0.001, 0.1, 11), rtol=1e-5)
    np.testing.assert_allclose(rates[10:], 0.1, rtol=1e-5)


def test_an_unknown_one_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'cosine'"):
        validated(Schedule, "cosinus")
