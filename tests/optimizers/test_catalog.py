"""Optimizers by name, a step of each against its formula."""

import keras
import numpy as np
import pytest

from kseg._settings import validated
from kseg.errors import KsegError
from kseg.optimizers import Optimizer, make_optimizer
from kseg.optimizers.catalog import decaying, penalise, spare
from kseg.optimizers.settings import OPTIMIZERS

pytestmark = pytest.mark.backend


def stepped(rate=0.1, gradients=(1.0,), **settings):
    """A weight of 2 after steps along gradients."""
    weight = keras.Variable(2.0)
    optimizer = make_optimizer(Optimizer(**{"weight_decay": 0, **settings}), rate)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    return float(keras.ops.convert_to_numpy(weight))


def test_sgd_has_momentum():
    # v = -0.1, then 0.9 v - 0.1 = -0.19: 2 - 0.1 - 0.19
    assert stepped(name="sgd", gradients=(1, 1)) == pytest.approx(1.71)
    assert stepped(name="sgd(momentum=0)", gradients=(1, 1)) == pytest.approx(1.8)


def test_nesterov_looks_ahead():
    # The step is 0.9 v - 0.1 with the new v: -0.19, then v = -0.19 and the step 0.9 v - 0.1.
    expected = 2 - 0.19 - (0.9 * 0.19 + 0.1)
    assert stepped(name="sgd(nesterov=true)", gradients=(1, 1)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_first_step_of_adam_is_the_rate(name):
    assert stepped(name=name) == pytest.approx(1.9, abs=1e-5)


def test_rmsprop_divides_by_the_mean_of_squares():
    # v = 0.1, then 0.9 v + 0.1 = 0.19, of gradients of 1.
    expected = 2 - 0.1 / np.sqrt(0.1) - 0.1 / np.sqrt(0.19)
    assert stepped(name="rmsprop", gradients=(1, 1)) == pytest.approx(expected, abs=1e-4)
    # m = 0.1 / sqrt(0.1), then 0.9 m + 0.1 / sqrt(0.19).
    first = 0.1 / np.sqrt(0.1)
    expected = 2 - first - (0.9 * first + 0.1 / np.sqrt(0.19))
    found = stepped(name="rmsprop(momentum=0.9)", gradients=(1, 1))
    assert found == pytest.approx(expected, abs=1e-4)


def test_lion_steps_by_the_sign():
    assert stepped(name="lion", gradients=(1e-3, -5, -5)) == pytest.approx(2 - 0.1 + 0.1 + 0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_decay_is_decoupled(name):
    # The gradient is 0, so that nothing moves the weight but the decay: 2 - 0.1 * 0.5 * 2.
    assert stepped(name=name, weight_decay=0.5, gradients=(0,)) == pytest.approx(1.9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_are_averaged_before_a_step(name):
    gradients = (1.0, 3.0, -1.0, 2.0)
    found = stepped(name=name, accumulate=2, gradients=gradients)
    assert found == pytest.approx(stepped(name=name, gradients=(2.0, 0.5)), abs=1e-6)


def test_a_long_gradient_is_shortened_and_a_large_entry_cut():
    def moved(**settings):
        weight = keras.Variable(np.zeros(2))
        optimizer = make_optimizer(
            Optimizer(name="sgd(momentum=0)", weight_decay=0, **settings), 1.0
        )
        optimizer.apply([keras.ops.convert_to_tensor(np.array([3.0, -4.0]))], [weight])
        return keras.ops.convert_to_numpy(weight).tolist()

    assert moved() == pytest.approx([-3, 4])
    assert moved(clip_norm=1) == pytest.approx([-0.6, 0.8])
    assert moved(clip_norm=10) == pytest.approx([-3, 4])
    assert moved(clip_value=3.5) == pytest.approx([-3, 3.5])


def network():
    image = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, name="kernels", bias_initializer="ones")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(image, x)
    kernel = [variable for variable in model.trainable_variables if variable.name == "kernel"]
    kernel[0].assign(np.full((1, 1, 1, 2), 3.0))
    return model, kernel[0]


def test_biases_and_normalisations_do_not_decay():
    model, kernel = network()
    assert decaying(model.trainable_variables) == [kernel]
    optimizer = make_optimizer(Optimizer(name="sgd", weight_decay=0.5), 0.1)
    spare(optimizer, model.trainable_variables)
    variables = model.trainable_variables
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    found = {variable.name: keras.ops.convert_to_numpy(variable) for variable in variables}
    np.testing.assert_allclose(found["kernel"], 3 - 0.1 * 0.5 * 3)
    np.testing.assert_allclose(found["bias"], 1)
    np.testing.assert_allclose(found["gamma"], 1)


def test_the_penalty_adds_its_gradient_to_the_loss():
    """The loss itself is 0, so that a step of SGD moves by the penalty's gradient, `l2 w`."""
    model, kernel = network()
    penalise(model.trainable_variables, 0.5)
    optimizer = make_optimizer(Optimizer(name="sgd(momentum=0)", weight_decay=0), 0.1)
    model.compile(optimizer, lambda truth, found: 0 * keras.ops.mean(found))
    x = np.ones((2, 4, 4, 1))
    history = model.fit(x, x, epochs=1, verbose=0).history
    assert history["loss"] == pytest.approx([0.5 / 2 * (9 + 9)])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), 3 - 0.1 * 0.5 * 3, rtol=1e-6)
    bias = next(variable for variable in model.trainable_variables if variable.name == "bias")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bias), 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sgd(momentun=0.9)", "Did you mean 'momentum'"),
        ("sgd(momentum=2)", "optimizer='sgd"),
        ("sgd(learning_rate=2)", "Unknown option of the optimizer sgd 'learning_rate'"),
    ],
)
def test_options_that_do_not_fit_are_refused(text, said):
    with pytest.raises(KsegError, match=said.replace("(", r"\(")):
        make_optimizer(Optimizer(name=text), 0.1)


def test_an_unknown_one_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'adamw'"):
        validated(Optimizer, "adammw")
    assert validated(Optimizer, "sgd").name == "sgd"
    assert np.isclose(Optimizer().weight_decay, 1e-2)


def test_an_option_as_a_field_is_led_into_the_parentheses():
    with pytest.raises(KsegError, match=r"optimizer.name=sgd\(nesterov=true\)"):
        validated(Optimizer, {"name": "sgd", "momentum": 0.9})
