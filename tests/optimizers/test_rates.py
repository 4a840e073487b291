"""Two rates in one training: each variable moves by its own."""

import keras
import numpy as np
import pytest

from kseg.optimizers import Optimizer, TwoRates, make_optimizer
from kseg.schedules import Schedule, make_schedule

pytestmark = pytest.mark.backend


def trained(optimizer, steps=3):
    """Two weights of 1 whose gradient is 1: those of the layers `stem` and `logits`."""
    image = keras.Input((1,))
    x = keras.layers.Dense(1, use_bias=False, name="stem")(image)
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False, name="logits")(x))
    model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
    model.compile(optimizer, lambda truth, found: found)
    ones = np.ones((4, 1))
    model.fit(ones, ones, batch_size=4, epochs=steps, verbose=0)
    return [float(weight[0, 0]) for weight in model.get_weights()]


def adam(rate, **settings):
    return make_optimizer(Optimizer(name="adamw", weight_decay=0, **settings), rate)


def test_the_first_step_of_adam_is_each_ones_rate():
    optimizer = TwoRates(adam(0.01), adam(0.1), lambda layer: layer == "stem")
    assert trained(optimizer, 1) == pytest.approx([0.99, 0.9], abs=1e-5)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


def test_both_follow_their_schedules():
    """Of three steps at 1, 0.5 and 0 of the peak; Adam's step is the rate for a steady gradient."""
    schedules = [
        make_schedule(Schedule(name="cosine", warmup=0), 0.01 * part, 3) for part in (1, 4)
    ]
    optimizer = TwoRates(*map(adam, schedules), lambda layer: layer == "stem")
    stem, logits = trained(optimizer)
    alone = trained(adam(schedules[0]))[0], trained(adam(schedules[1]))[1]
    assert (1 - logits) / (1 - stem) == pytest.approx(4, rel=0.02)
    assert (stem, logits) == pytest.approx(alone, abs=2e-3)


def test_the_decay_is_of_each_ones_rate():
    def still(rate):
        return make_optimizer(Optimizer(name="sgd(momentum=0)", weight_decay=0.5), rate)

    optimizer = TwoRates(still(0.1), still(0.2), lambda layer: layer == "stem")
    weights = [keras.Variable(1.0, name="kernel") for _ in range(2)]
    weights[0]._path, weights[1]._path = "stem/kernel", "logits/kernel"
    optimizer.build(weights)
    optimizer.apply([keras.ops.zeros(()), keras.ops.zeros(())], weights)
    found = [float(keras.ops.convert_to_numpy(weight)) for weight in weights]
    assert found == pytest.approx([1 - 0.1 * 0.5, 1 - 0.2 * 0.5])


def test_a_rate_that_is_set_is_that_of_both():
    optimizer = TwoRates(adam(1.0), adam(1.0), lambda layer: layer == "stem", part=0.25)
    optimizer.learning_rate = 0.1
    assert trained(optimizer, 1) == pytest.approx([0.975, 0.9], abs=1e-5)


@pytest.mark.parametrize(("longest", "expected"), [(10, [0.7, 0.6]), (1, [0.94, 0.92])])
def test_a_gradient_is_shortened_as_a_whole(longest, expected):
    """Of (3, 4), whose length is 5, at a rate of 0.1."""

    def plain():
        return make_optimizer(Optimizer(name="sgd(momentum=0)", weight_decay=0), 0.1)

    optimizer = TwoRates(plain(), plain(), lambda layer: layer == "stem", clip_norm=longest)
    weights = [keras.Variable(1.0, name="kernel") for _ in range(2)]
    weights[0]._path, weights[1]._path = "stem/kernel", "logits/kernel"
    optimizer.build(weights)
    optimizer.apply([keras.ops.full((), 3.0), keras.ops.full((), 4.0)], weights)
    found = [float(keras.ops.convert_to_numpy(weight)) for weight in weights]
    assert found == pytest.approx(expected)
