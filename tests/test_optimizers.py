"""Optimizers by name, a step of each against its formula."""

import keras
import numpy as np
import pytest

from kseg._settings import validated
from kseg.errors import KsegError
from kseg.optimizers import Optimizer, make_optimizer

pytestmark = pytest.mark.backend


def stepped(rate=0.1, gradients=(1.0,), **settings):
    """A weight of 2 after steps along gradients."""
    weight = keras.Variable(2.0)
    optimizer = make_optimizer(Optimizer(**settings), rate)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    return float(keras.ops.convert_to_numpy(weight))


def test_sgd_has_momentum():
    # v = -0.1, then 0.9 v - 0.1 = -0.19: 2 - 0.1 - 0.19
    assert stepped(name="sgd", weight_decay=0, gradients=(1, 1)) == pytest.approx(1.71)
    assert stepped(name="sgd", weight_decay=0, momentum=0, gradients=(1, 1)) == pytest.approx(1.8)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_first_step_of_adam_is_the_rate(name):
    assert stepped(name=name, weight_decay=0) == pytest.approx(1.9, abs=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_decay_is_decoupled(name):
    # The gradient is 0, so that nothing moves the weight but the decay: 2 - 0.1 * 0.5 * 2.
    assert stepped(name=name, weight_decay=0.5, gradients=(0,)) == pytest.approx(1.9)


def test_an_unknown_one_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'adamw'"):
        validated(Optimizer, "adammw")
    assert validated(Optimizer, "sgd").name == "sgd"
    assert np.isclose(Optimizer().weight_decay, 1e-2)
