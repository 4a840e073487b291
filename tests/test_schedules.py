"""The schedule against its formula."""

import keras
import numpy as np
import pytest

from kseg._settings import validated
from kseg.errors import KsegError
from kseg.schedules import SCHEDULES, Schedule, cosine_with_warmup, make_schedule, one_cycle

pytestmark = pytest.mark.backend


def test_rises_linearly_and_falls_by_half_a_cosine():
    schedule = cosine_with_warmup(0.5, steps=100, warmup=0.2)
    rates = np.array([float(schedule(step)) for step in range(101)])
    np.testing.assert_allclose(rates[:21], np.linspace(0.005, 0.5, 21), rtol=1e-5)
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(81) / 80)) / 2
    np.testing.assert_allclose(rates[20:], falling, atol=1e-6)


def test_one_cycle_rises_from_a_twenty_fifth_for_three_tenths():
    schedule = one_cycle(0.5, steps=100)
    rates = np.array([float(schedule(step)) for step in range(101)])
    np.testing.assert_allclose(rates[:31], np.linspace(0.02, 0.5, 31), rtol=1e-5)
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(71) / 70)) / 2
    np.testing.assert_allclose(rates[30:], falling, atol=1e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_rise_to_the_peak_whatever_the_length(name):
    long = make_schedule(Schedule(name=name, warmup=0.2), 0.5, 100)
    assert float(long(0)) <= 0.02
    assert float(long(20)) == pytest.approx(0.5)
    for steps in (1, 2, 3):
        short = make_schedule(Schedule(name=name), 0.1, steps)
        assert all(0 < float(short(step)) <= 0.1 + 1e-6 for step in range(steps))


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_are_saved_with_the_optimizer(name):
    optimizer = keras.optimizers.Adam(make_schedule(Schedule(name=name), 0.1, 50))
    again = keras.optimizers.Adam.from_config(optimizer.get_config())
    assert float(again._learning_rate(30)) == pytest.approx(float(optimizer._learning_rate(30)))


def test_constant_rises_and_stays():
    schedule = make_schedule(Schedule(name="constant", warmup=0.1), 0.1, 100)
    rates = np.array([float(schedule(step)) for step in range(100)])
    np.testing.assert_allclose(rates[:11], np.linspace(0.001, 0.1, 11), rtol=1e-5)
    np.testing.assert_allclose(rates[10:], 0.1, rtol=1e-5)


def test_an_unknown_one_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'cosine'"):
        validated(Schedule, "cosinus")
