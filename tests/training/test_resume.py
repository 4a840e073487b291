"""A training that was broken off anywhere ends as one that was not: bit for bit."""

import os
import signal

import keras
import numpy as np
import pytest

from kseg.callbacks import ByClock
from kseg.errors import Interrupted, KsegError
from kseg.machine import Device
from kseg.runs.recipe import make_recipe
from kseg.runs.run import Run
from kseg.training import course, defaults, engine
from kseg.training.data import open_data
from tests.conftest import write_data

pytestmark = pytest.mark.backend

CPU = Device("cpu", "a CPU", "float32")
WORDS = {
    "arch": "unet",
    "filters": (2, 4),
    "block": "double_convolution(dropout=0.2)",
    "average": 0.4,
    "accumulate": 2,
    "mix": "cutmix",
    "batch_size": 2,
    "epochs": 3,
    "size": 32,
    "seed": 3,
}
STEPS = 3


class Killed(BaseException):
    """The process ends here."""


class At(keras.callbacks.Callback):
    """Does something once, after so many steps, or where an epoch is validated or ends."""

    def __init__(self, action, step=None, validated=None, ended=None):
        super().__init__()
        self.action, self.step, self.validated, self.ended = action, step, validated, ended
        self.taken, self.epoch = 0, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.taken += 1
        if self.taken == self.step:
            self.action()

    def on_test_batch_end(self, batch, logs=None):
        if self.epoch == self.validated:
            self.action()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.ended:
            self.action()


def kill():
    raise Killed


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def trained(folder, name, *callbacks, **words):
    recipe = defaults.for_machine(make_recipe(data=folder, **(WORDS | words)), CPU)
    data = open_data(recipe)
    plan = defaults.for_data(recipe, CPU, data.train, data.splits.labels)
    run = Run(folder / name)
    run.path.mkdir(exist_ok=True)
    engine.train(plan, data, CPU, run, callbacks)
    return run


def files_of(run):
    """The names, less the doctor's: a starved device is found where the machine is busy."""
    return {path.name for path in run.path.iterdir()} - {run.findings_file.name}


def assert_alike(one, other):
    assert one.history_file.read_bytes() == other.history_file.read_bytes()
    assert (one.best_epoch, one.epochs) == (other.best_epoch, other.epochs)
    for name in ("model_file", "last_model_file"):
        first, second = (
            keras.models.load_model(getattr(run, name)).get_weights() for run in (one, other)
        )
        for left, right in zip(first, second, strict=True):
            np.testing.assert_array_equal(left, right)
    assert files_of(one) == files_of(other)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(write_data(tmp_path_factory.mktemp("resume") / "data"), "whole")


@pytest.mark.parametrize(
    ("action", "place"),
    [
        (kill, {"step": 1}),
        (kill, {"step": 2 * STEPS - 1}),
        (kill, {"validated": 2}),
        (ctrl_c, {"step": 2 * STEPS - 1}),
        (ctrl_c, {"step": 2 * STEPS}),
        (ctrl_c, {"validated": 2}),
        (ctrl_c, {"ended": 2}),
        (terminate, {"step": 2}),
    ],
)
def test_it_ends_alike(whole, action, place):
    folder = whole.path.parent
    often = {"checkpoint_minutes": 1e-9} if action is kill else {}
    broken = f"{action.__name__} {place}"
    with pytest.raises((Killed, Interrupted)):
        trained(folder, broken, At(action, **place), **often)
    assert_alike(trained(folder, broken, **often), whole)


def test_it_may_be_broken_off_again_and_again(whole):
    folder, again = whole.path.parent, 0
    while True:
        try:
            run = trained(folder, "often", At(ctrl_c, step=2))
            break
        except Interrupted as stop:
            again += 1
            assert stop.path == folder / "often"
    assert again > 2
    assert_alike(run, whole)


class Ticking(ByClock):
    """A second passes whenever it looks at the clock."""

    def __init__(self, seconds, afterwards):
        super().__init__(seconds, clock=iter(range(10**6)).__next__)


def test_the_clock_goes_on_where_it_stood(rectangles, monkeypatch):
    """Half of the time is over; the rate goes on from there."""
    monkeypatch.setattr(course, "ByClock", Ticking)
    words = {"minutes": 1, "epochs": 3}
    with pytest.raises(Interrupted, match=r"after 3 epochs; see"):
        trained(rectangles, "timed", At(ctrl_c, step=10), **words)
    run = trained(rectangles, "timed", **words)
    done = np.loadtxt(run.done_file)
    assert len(done) > 12
    assert (np.diff(done) > 0).all()
    assert np.diff(done).max() < 0.2


def test_other_data_are_refused(rectangles):
    with pytest.raises(Interrupted):
        trained(rectangles, "a", At(ctrl_c, step=4))
    for part in ("images", "masks"):
        (rectangles / f"train/{part}/1.png").unlink()
    with pytest.raises(KsegError, match="'training images': 6.*'training images': 5"):
        trained(rectangles, "a")


def test_another_network_is_refused(rectangles):
    with pytest.raises(Interrupted):
        trained(rectangles, "a", At(ctrl_c, step=4))
    with pytest.raises(KsegError, match="by another network"):
        trained(rectangles, "a", filters=(2, 6))
