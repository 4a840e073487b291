"""The range test: its smoothing by hand, its suggestion where the best rate is known."""

import numpy as np
import pytest

from kseg.training import rate_test as tested
from kseg.training.rate_test import RATES, RateTest, is_exploded, rate_test, smoothed
from tests.training.test_engine import CPU, prepared


def test_losses_are_smoothed_as_by_hand():
    """With m = 1/2: 4; (4/4 + 2/2) / (3/4); (4/8 + 2/4 + 1/2) / (7/8)."""
    assert list(smoothed([4, 2, 1], 0.5)) == pytest.approx([4, 8 / 3, 12 / 7])
    assert list(smoothed([3.0] * 40)) == pytest.approx([3.0] * 40)


def quadratic(curvature, rates=RATES):
    """Losses of h w^2 / 2 under gradient descent: best at a rate of 1 / h, divergent from 2 / h."""
    losses, weight = [], 1.0
    for rate in rates:
        losses.append(curvature * weight**2 / 2)
        weight *= 1 - rate * curvature
        if is_exploded(losses):
            break
    return RateTest(rates[: len(losses)], np.array(losses))


@pytest.mark.parametrize("curvature", [1.0, 30.0, 1e4])
def test_on_a_quadratic_the_suggestion_is_below_the_best_rate_and_near_it(curvature):
    found = quadratic(curvature)
    assert 1 / 15 < found.suggestion * curvature < 1
    if curvature > 1:  # else the rates end before it explodes
        assert len(found.rates) < len(RATES)


def test_a_third_of_the_fall_is_where_it_is_said_to_be():
    """A loss that falls so slowly that smoothing changes little."""
    rates = np.geomspace(1e-4, 1, 4000)
    losses = np.concatenate([np.full(1000, 3.0), np.linspace(3, 0, 2400), np.linspace(0, 2, 600)])
    expected = rates[1000 + 2400 // 3]
    assert RateTest(rates, losses).suggestion == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    "losses",
    [
        [2.0] * 50,
        [float("nan")],
        [*np.linspace(2, 1.95, 40), 9, 99],
        list(np.linspace(1, 5, 50)),
    ],
)
def test_where_the_loss_does_not_fall_nothing_is_suggested(losses):
    assert RateTest(RATES[: len(losses)], np.array(losses)).suggestion is None


def test_an_explosion_is_four_times_the_lowest_or_no_number():
    assert not is_exploded([1.0] * 30)
    assert not is_exploded([1.0] * 30 + [20.0])  # smoothed: 2.9
    assert is_exploded([1.0] * 30 + [50.0])
    assert is_exploded([1.0, float("nan")])
    assert is_exploded([1.0, float("inf")])


def test_what_is_suggested_in_an_explosion_is_from_before_it():
    losses = [2.0] * 40 + [1.5, 1.0, 0.5, 0.4, 0.3] + [float("nan")]
    found = RateTest(RATES[: len(losses)], np.array(losses))
    assert RATES[39] < found.suggestion <= RATES[44]


def test_each_step_has_its_rate_and_its_own_loss(rectangles, monkeypatch):
    """At a rate of 0 the network stays as it is: the loss is that of the first batches again."""
    plan, data = prepared(
        rectangles, arch="convnet", width=2, size=32, batch_size=3, augment="none", optimizer="sgd"
    )
    monkeypatch.setattr(tested, "RATES", np.full(6, 1e-12))
    counted = []
    still = rate_test(plan, data, CPU, lambda: counted.append(1))
    assert len(counted) == len(still.losses) == 6
    assert len(set(np.round(still.losses, 4))) > 1
    monkeypatch.setattr(tested, "RATES", np.array([1e-12] * 3 + [1e-1] * 3))
    moved = rate_test(plan, data, CPU)
    np.testing.assert_allclose(moved.losses[:4], still.losses[:4], rtol=1e-4)
    assert np.abs(moved.losses[4:] - still.losses[4:]).min() > 1e-4


def test_a_step_is_of_as_many_batches_as_are_accumulated(rectangles, monkeypatch):
    words = {"arch": "convnet", "width": 2, "size": 32, "augment": "none", "optimizer": "sgd"}
    monkeypatch.setattr(tested, "RATES", np.full(2, 1e-12))
    alone = rate_test(*prepared(rectangles, batch_size=2, **words), CPU)
    monkeypatch.setattr(tested, "RATES", np.full(1, 1e-12))
    both = rate_test(*prepared(rectangles, batch_size=2, accumulate=2, **words), CPU)
    assert both.losses[0] == pytest.approx(alone.losses.mean(), rel=1e-4)
