"""Each schedule against its formula."""

import keras
import numpy as np
import pytest

from kseg import schedules
from kseg.errors import KsegError
from kseg.schedules import Schedule, WarmUp, make_schedule
from kseg.schedules.settings import SCHEDULES, WARMUP

pytestmark = pytest.mark.backend

EPOCHS = 10


def spelled(name):
    return f"{name}(at=[3,8], factors=[0.1,1,0.01])" if name == "step" else name


def made(text, peak=0.5, steps=100, **settings):
    return make_schedule(Schedule(name=text, **settings), peak, steps, EPOCHS)


def rates(schedule, steps=101):
    return np.array([float(schedule(step)) for step in range(steps)])


def test_cosine_rises_linearly_and_falls_by_half_a_cosine():
    found = rates(schedules.cosine(0.5, steps=100, warmup=0.2))
    np.testing.assert_allclose(found[:21], np.linspace(0.005, 0.5, 21), rtol=1e-5)
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(81) / 80)) / 2
    np.testing.assert_allclose(found[20:], falling, atol=1e-6)


def test_one_cycle_rises_from_a_twenty_fifth_for_three_tenths():
    found = rates(schedules.one_cycle(0.5, steps=100))
    np.testing.assert_allclose(found[:31], np.linspace(0.02, 0.5, 31), rtol=1e-5)
    falling = 0.5 * (1 + np.cos(np.pi * np.arange(71) / 70)) / 2
    np.testing.assert_allclose(found[30:], falling, atol=1e-6)


def test_restarts_fall_anew_each_time():
    found = rates(schedules.restarts(0.5, steps=100, cycles=4), 100)
    once = 0.5 * (1 + np.cos(np.pi * np.arange(25) / 25)) / 2
    np.testing.assert_allclose(found, np.tile(once, 4), atol=1e-6)


@pytest.mark.parametrize("power", [0.9, 1, 2])
def test_polynomial_falls_by_a_power_of_what_is_left(power):
    found = rates(made(f"polynomial(power={power})"))
    np.testing.assert_allclose(found, 0.5 * (1 - np.arange(101) / 100) ** power, atol=1e-6)


def test_exponential_falls_after_each_epoch():
    found = rates(made("exponential(decay=0.9)"))
    np.testing.assert_allclose(found, 0.5 * 0.9 ** (np.arange(101) // 10), rtol=1e-5)


def test_step_takes_its_parts_after_their_epochs():
    """The schedule of a driving recipe: 0.01, 0.1 after epoch 30, 0.001 after epoch 80."""
    settings = Schedule(name="step(at=(30, 80), factors=[0.1, 1, 0.01])")
    found = rates(make_schedule(settings, 0.1, steps=500, epochs=100), 500)
    expected = np.select([np.arange(500) < 150, np.arange(500) < 400], [0.01, 0.1], 0.001)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_constant_rises_and_stays():
    found = rates(made("constant", 0.1, warmup=0.1))
    np.testing.assert_allclose(found[:11], np.linspace(0.001, 0.1, 11), rtol=1e-5)
    np.testing.assert_allclose(found[10:], 0.1, rtol=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_rises_as_long_as_it_is_told(name):
    found = rates(made(spelled(name), warmup=0.2))
    first = 0.05 if name == "step" else 0.5
    np.testing.assert_allclose(np.diff(found[:21]), np.diff(found[:21])[0], rtol=1e-3)
    assert found[0] < 0.05 * first
    assert found[20] == pytest.approx(first)
    by_itself = float(made(spelled(name))(0))
    assert (name in WARMUP) == (by_itself < 0.05 * first)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_training_has_a_rate(name, steps):
    found = rates(made(spelled(name), 0.1, steps), steps)
    assert (found > 0).all()
    assert (found < 0.1 + 1e-6).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_are_saved_with_the_optimizer(name):
    optimizer = keras.optimizers.Adam(made(spelled(name), warmup=0.2))
    again = keras.optimizers.Adam.from_config(optimizer.get_config())
    np.testing.assert_allclose(rates(again._learning_rate, 30), rates(optimizer._learning_rate, 30))


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_are_followed_in_a_training(name):
    """The gradient is 1, so that each step of SGD shows its rate."""
    schedule = made(spelled(name), 0.1, steps=20)
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
    model.compile(keras.optimizers.SGD(schedule), lambda truth, found: found)
    weights = [model.get_weights()[0].item()]
    for _ in range(20):
        model.train_on_batch(np.ones((1, 1)), np.ones(1))
        weights.append(model.get_weights()[0].item())
    np.testing.assert_allclose(-np.diff(weights), rates(schedule, 20), atol=1e-5)


def test_warm_up_goes_before_any_schedule():
    falling = keras.optimizers.schedules.ExponentialDecay(2.0, 1, 0.5)
    found = rates(WarmUp(falling, steps=4, start=0.5), 7)
    np.testing.assert_allclose(found, [1, 1.25, 1.5, 1.75, 2, 1, 0.5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polynomial(powr=2)", "Did you mean 'power'"),
        ("polynomial(power=0)", "power must be a number above 0"),
        ("exponential(decay=-1)", "decay must be a number above 0"),
        ("exponential(epochs=3)", "Unknown option of the schedule exponential 'epochs'"),
        ("restarts(cycles=0)", "cycles"),
        ("step(at=[30,80])", "needs factors"),
        ("step(at=[30,80], factors=[1,0.1])", "one factor more"),
        ("step(at=[80,30], factors=[1,0.1,0.01])", "rising epochs"),
        ("step(at=30, factors=[1,0.1])", "rising epochs"),
        ("step(at=[30], factors=[1,0])", "above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(text, said):
    with pytest.raises(KsegError, match=said.replace("(", r"\(")):
        made(text)
