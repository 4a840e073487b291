"""How far a training is, with a clock that does what it is told."""

import keras
import numpy as np
import pytest

from kseg.callbacks import AsBefore, ByClock, BySteps, LearningRate

pytestmark = pytest.mark.backend


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Machine(keras.callbacks.Callback):
    """Takes its time: so many seconds per step, and after the last step of each epoch."""

    def __init__(self, clock, step, afterwards=0.0):
        super().__init__()
        self.clock, self.step, self.afterwards, self.taken = clock, step, afterwards, 0

    def on_train_batch_end(self, batch, logs=None):
        self.taken += 1
        self.clock.now += self.step(self.taken)

    def on_test_end(self, logs=None):
        self.clock.now += self.afterwards


def fitted(pace, *callbacks, schedule=lambda step: step, steps=1, epochs=1000, batches=10):
    """Train by SGD with a gradient of 1, which shows each rate; return rates and callback."""
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
    model.compile(keras.optimizers.SGD(1.0), lambda truth, found: found)
    rate = LearningRate(schedule, steps, pace)
    used = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: used.append(
            float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        )
    )
    own = [pace] if isinstance(pace, ByClock) else []
    x = np.ones((batches, 1))
    before = model.get_weights()[0].item()
    model.fit(
        x,
        x,
        batch_size=1,
        epochs=epochs,
        verbose=0,
        validation_data=(x[:1], x[:1]),
        callbacks=[*own, *callbacks, rate, note],
    )
    moved = before - model.get_weights()[0].item()
    assert moved == pytest.approx(sum(used), abs=1e-4)
    return used, rate


def test_by_steps_each_is_an_equal_part():
    used, rate = fitted(BySteps(20), schedule=lambda step: 0.1 * step, steps=20, epochs=2)
    np.testing.assert_allclose(used, 0.1 * np.arange(20), atol=1e-6)
    assert rate.done == pytest.approx(np.arange(20) / 20)
    assert rate.expected_steps == pytest.approx(20)


def test_a_training_by_the_clock_ends_in_time_on_a_machine_that_halves_its_speed():
    clock = Clock()
    machine = Machine(clock, lambda step: 1.0 if step <= 300 else 2.0, afterwards=5.0)
    used, rate = fitted(ByClock(600.0, afterwards=5.0, clock=clock), machine)
    assert clock.now - 100 == pytest.approx(600, rel=0.05)
    assert clock.now - 100 <= 605
    # 300 steps and 30 ends of an epoch took 450 seconds; 7 ends fit into the others.
    assert 350 < len(used) < 370
    assert used[0] == 0
    assert used[-1] > 0.98
    assert (np.diff(rate.done) > 0).all()


def test_the_time_after_an_epoch_is_seen_where_it_was_not_known():
    clock = Clock()
    machine = Machine(clock, lambda step: 1.0, afterwards=20.0)
    # An epoch takes 30 seconds: five steps of the eleventh would fit, but not what follows them.
    fitted(ByClock(305.0, clock=clock), machine)
    assert 290 <= clock.now - 100 <= 305


def test_a_training_whose_time_is_up_takes_one_step():
    clock = Clock()
    used, _ = fitted(ByClock(1.0, afterwards=5.0, clock=clock), Machine(clock, lambda step: 1.0))
    assert used == [0.0]


def test_what_was_done_is_done_again():
    clock = Clock()
    machine = Machine(clock, lambda step: 1.0 + step % 7, afterwards=3.0)
    used, rate = fitted(ByClock(120.0, clock=clock), machine)
    again, same = fitted(AsBefore(rate.done))
    assert again == used
    assert same.done == rate.done


def test_a_factor_scales_every_rate():
    class Halve(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rate.factor = 0.5**epoch

    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1)(image))
    model.compile("sgd", "mse")
    rate = LearningRate(lambda step: 0.25, 4, BySteps(4))
    x = np.ones((2, 1))
    history = model.fit(x, x, batch_size=1, epochs=2, verbose=0, callbacks=[Halve(), rate])
    assert history.history["learning_rate"] == pytest.approx([0.25, 0.125])
