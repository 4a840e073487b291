"""A loss that is not finite: back to good weights at half the rate, or an end in words."""

import keras
import numpy as np
import pytest

from kseg.callbacks import BySteps, Findings, LearningRate, Recovery, WeightAverage
from kseg.callbacks.doctor import recovery as module
from kseg.errors import KsegError

pytestmark = pytest.mark.backend


class Breaks(keras.callbacks.Callback):
    """Makes the weights NaN before some steps, by epoch and number."""

    def __init__(self, bad):
        super().__init__()
        self.bad, self.epoch = bad, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) in self.bad:
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            self.model.weights[0].assign(np.full((1, 1), np.nan))


class Ones(keras.utils.PyDataset):
    """Four steps of ones, with names."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.ones((1, 1)), np.ones((1, 1))

    def names(self, index):
        return [f"image {index}"]


def fitted(bad, most=3, epochs=3, **more):
    """Fit by SGD with a gradient of 1 per step; return weights, the rate and findings.

    What it is validated on likes the average of the weights, which lags behind, better.
    """
    image = keras.Input((1,))
    x = keras.layers.Dense(1, use_bias=False, name="first")(image)
    x = keras.layers.Dense(1, use_bias=False, name="second", trainable=False)(x)
    model = keras.Model(image, x)
    model.set_weights([np.zeros((1, 1)), np.ones((1, 1))])
    model.compile(keras.optimizers.SGD(1.0), lambda truth, found: found)
    batches = Ones()
    findings = Findings(tell=lambda finding: None)
    rate = LearningRate(lambda step: 1.0, 12, BySteps(12))
    liking = (-np.ones((1, 1)), np.ones((1, 1)))
    average = WeightAverage(4, liking, "val_loss")
    recovery = Recovery(rate, findings, [average], most, batches)
    weights = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: weights.append(weight(model))
    )
    how = {"epochs": epochs, "shuffle": False, "verbose": 0, **more}
    if "validation_freq" in how:
        how["validation_data"] = liking
    model.fit(batches, callbacks=[rate, Breaks(bad), recovery, average, note], **how)
    return weights, rate, findings.all


def weight(model):
    if keras.backend.backend() == "jax":
        model.jax_state_sync()
    return float(keras.ops.convert_to_numpy(model.weights[0])[0, 0])


def test_a_healthy_training_is_left_alone():
    weights, rate, findings = fitted(bad=())
    np.testing.assert_allclose(weights, -np.arange(1, 13))
    assert (rate.factor, findings) == (1.0, [])


def test_it_goes_back_and_halves_the_rate():
    weights, rate, findings = fitted(bad={(1, 2)})
    # Kept before step 1 and before step 5; in step 7 it goes back to the older one.
    np.testing.assert_allclose(weights, [-1, -2, -3, -4, -5, -6, 0, *-0.5 * np.arange(1, 6)])
    assert rate.factor == 0.5
    (finding,) = findings
    assert finding.epoch == 2
    assert "in step 3 of epoch 2" in finding.cause
    assert "The images of the step: image 2." in finding.cause
    assert "1/2 of its rate (1 of 3 times)" in finding.cause


def test_it_goes_back_to_the_networks_own_weights_not_to_their_average():
    """After the first epoch the network holds the average; it is kept when it is itself again."""
    weights, _, _ = fitted(bad={(2, 1)}, validation_freq=[1])
    np.testing.assert_allclose(weights[:9], -np.arange(1, 10))
    np.testing.assert_allclose(weights[9:], [-4, -4.5, -5])


def test_within_a_long_epoch_weights_are_kept_too(monkeypatch):
    monkeypatch.setattr(module, "BETWEEN", 1)
    weights, _, _ = fitted(bad={(1, 2)})
    # Kept after every step: the older of the last two was after step 5.
    np.testing.assert_allclose(weights[6:8], [-5, -5.5])


@pytest.mark.parametrize("most", [0, 2])
def test_after_so_many_times_it_ends(most):
    with pytest.raises(KsegError, match=f"in step {most + 1} of epoch 1") as error:
        fitted(bad={(0, step) for step in range(4)}, most=most)
    assert "learning_rate=" in str(error.value)
    assert "first layer whose values are not finite is first." in str(error.value)
    assert ("gone back 2 times" in str(error.value)) == (most == 2)


def test_a_validation_that_is_not_finite_counts_too():
    findings = Findings(tell=lambda finding: None)
    rate = LearningRate(lambda step: 1.0, 2, BySteps(2))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), lambda truth, found: found)
    recovery = Recovery(rate, findings)
    x = np.ones((1, 1))
    bad = (np.full((1, 1), np.inf), x)
    model.fit(x, x, epochs=1, validation_data=bad, verbose=0, callbacks=[rate, recovery])
    assert rate.factor == 0.5
    assert "in the validation of epoch 1" in findings.all[0].cause


def test_the_first_layer_is_found():
    image = keras.Input((2,))
    x = keras.layers.Dense(2, name="good")(image)
    x = keras.layers.Dense(2, name="bad")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="after")(x))
    assert module.first_not_finite(model, np.ones((1, 2))) == ""
    model.get_layer("bad").kernel.assign(np.full((2, 2), np.nan))
    assert module.first_not_finite(model, np.ones((1, 2))) == "bad"


def test_a_model_that_was_compiled_anew_goes_back_no_further():
    """As where frozen stages thaw: the optimizer's state from before would not fit."""
    image = keras.Input((1,))
    first = keras.layers.Dense(1, use_bias=False, trainable=False)
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(first(image)))
    rate = LearningRate(lambda step: 0.1, 9, BySteps(9))
    findings = Findings(tell=lambda finding: None)
    recovery = Recovery(rate, findings)
    for is_trained, bad in ((False, ()), (True, {(1, 1)})):
        first.trainable = is_trained
        model.compile("adam", lambda truth, found: found)
        how = {"initial_epoch": int(is_trained), "epochs": 1 + is_trained, "verbose": 0}
        model.fit(Ones(), shuffle=False, callbacks=[rate, Breaks(bad), recovery], **how)
    assert [finding.sign for finding in findings.all] == ["not finite"]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_a_model_that_is_built_by_its_first_step_is_kept_after_it():
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
    model.compile("adam", lambda truth, found: found)
    rate = LearningRate(lambda step: 0.1, 4, BySteps(4))
    recovery = Recovery(rate, Findings(tell=lambda finding: None))
    callbacks = [rate, Breaks({(0, 2)}), recovery]
    model.fit(Ones(), shuffle=False, verbose=0, callbacks=callbacks)
    assert recovery.times == 1
    assert np.isfinite(model.get_weights()[0]).all()
