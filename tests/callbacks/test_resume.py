"""A state that is not that of the training which is to go on."""

import keras
import numpy as np
import pytest

from kseg.callbacks import EarlyStopping, ResumePoint
from kseg.errors import KsegError

pytestmark = pytest.mark.backend


class Disk:
    """A clock, on which a step takes a second and the disk so many for a state."""

    def __init__(self, monkeypatch, seconds):
        self.now = 0.0
        self.written = []
        monkeypatch.setattr("kseg.callbacks.resume.write_snapshot", self.write)
        self._seconds = seconds

    def write(self, path, snapshot):
        self.now += self._seconds
        self.written.append(tuple(snapshot.facts["position"]))

    def clock(self):
        return self.now

    def fit(self, point, epochs, during=lambda epoch, step: None, after=lambda epoch: 0):
        def step(epoch, batch):
            self.now += 1
            during(epoch, batch)

        class Steps(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch

            def on_train_batch_end(self, batch, logs=None):
                step(self.epoch, batch)

            def on_epoch_end(this, epoch, logs=None):
                self.now += after(epoch)

        model, _ = begun("")
        data = np.ones((4, 1)), np.ones(4)
        model.fit(*data, epochs=epochs, batch_size=1, verbose=0, callbacks=[Steps(), point])


def begun(path, **parts):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model, ResumePoint(path, parts)


def test_a_state_without_a_part_is_refused_by_its_name(tmp_path):
    """An earlier version, or a loop of one's own that had fewer callbacks, did not note it."""
    path = tmp_path / "resume.npz"
    model, point = begun(path, first=EarlyStopping(2))
    model.fit(np.ones((4, 1)), np.ones(4), verbose=0, callbacks=[point])
    point.save()

    again, point = begun(path, first=EarlyStopping(2), second=EarlyStopping(3))
    weights = again.get_weights()
    with pytest.raises(KsegError, match=r"its state holds no second"):
        point.restore(again)
    for before, after in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)

    again, point = begun(path, first=EarlyStopping(2))
    point.restore(again)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_is_kept_as_often_as_its_time_is_small_beside_the_training(monkeypatch):
    """A second for the state, in a hundred of which it may take two: every 13 epochs of 4 s."""
    disk = Disk(monkeypatch, 1.0)
    disk.fit(ResumePoint("state", clock=disk.clock), 30)
    assert disk.written == [(1, 0, False), (14, 0, False), (27, 0, False), (30, 0, False)]


def test_a_state_that_costs_nothing_is_kept_after_each_epoch(monkeypatch):
    disk = Disk(monkeypatch, 0.01)
    disk.fit(ResumePoint("state", clock=disk.clock), 3)
    assert disk.written == [(1, 0, False), (2, 0, False), (3, 0, False)]


@pytest.mark.parametrize(("step", "kept"), [(1, (2, 2, False)), (3, (3, 0, False))])
def test_a_training_that_is_to_end_keeps_its_state(monkeypatch, step, kept):
    """In an epoch's last step, between which and its end none can go on, at the end."""
    disk = Disk(monkeypatch, 1.0)
    point = ResumePoint("state", clock=disk.clock)
    with pytest.raises(KeyboardInterrupt):
        disk.fit(point, 9, lambda epoch, batch: (epoch, batch) == (2, step) and point.stop())
    assert disk.written == [(1, 0, False), kept]


def test_a_long_validation_is_not_waited_for_where_the_epoch_before_had_none(monkeypatch):
    disk = Disk(monkeypatch, 1.0)
    point = ResumePoint("state", clock=disk.clock)
    with pytest.raises(KeyboardInterrupt):
        disk.fit(
            point,
            9,
            lambda epoch, batch: (epoch, batch) == (2, 3) and point.stop(),
            after=lambda epoch: 0 if epoch % 2 else 20,
        )
    assert disk.now == 4 + 20 + 1 + 4 + 4  # the state was kept once, after the first epoch
    point.save_what_was_reached()
    assert disk.written[-1] == (2, 3, False)
