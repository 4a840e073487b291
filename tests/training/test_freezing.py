"""Stages of an encoder that are frozen, and from an epoch on are not."""

import keras
import numpy as np
import pytest

from kseg.encoders.catalog import ENCODERS
from kseg.errors import Interrupted, KsegError
from kseg.layers import BatchNormalization
from kseg.machine import Device
from kseg.models.settings import Model
from kseg.runs.recipe import make_recipe
from kseg.runs.run import Run
from kseg.training import defaults, engine
from kseg.training.data import open_data
from tests.conftest import write_data
from tests.training.test_resume import At, Killed, assert_alike, ctrl_c, kill

CPU = Device("cpu", "a CPU", "float32")
STEPS = 3
WORDS = {
    "arch": "encoder_unet",
    "encoder": "tiny",
    "filters": (2, 2, 2),
    "frozen": 2,
    "frozen_epochs": 1,
    "epochs": 2,
    "average": 0.4,
    "batch_size": 2,
    "size": 32,
    "seed": 3,
}


def tiny(x, output_stride=32):
    """An encoder of five convolutions: the shapes of tests want no more, and it is built fast."""
    features = []
    for name in ("stem", "stage_1", "stage_2", "stage_3", "stage_4"):
        x = keras.layers.Conv2D(3, 3, strides=2, padding="same", name=f"{name}_conv")(x)
        x = BatchNormalization(name=f"{name}_norm")(x)
        features.append(x)
    return tuple(features)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data, and an encoder to start from."""
    folder = write_data(tmp_path_factory.mktemp("freezing") / "data")
    keras.utils.set_random_seed(9)
    image = keras.Input((None, None, 3))
    keras.Model(image, tiny(image)).save(folder / "encoder.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODERS, "tiny", (f"{__name__}:tiny", {}))
        yield folder


def trained(folder, name, *callbacks, **words):
    words = {"weights": str(folder / "encoder.keras")} | WORDS | words
    recipe = defaults.for_machine(make_recipe(data=folder, **words), CPU)
    data = open_data(recipe)
    plan = defaults.for_data(recipe, CPU, data.train, data.splits.labels)
    run = Run(folder / name)
    run.path.mkdir(exist_ok=True)
    engine.train(plan, data, CPU, run, callbacks)
    return run


class Weights(keras.callbacks.Callback):
    """Notes the weights of some layers after each step, and how many of them are trained."""

    LAYERS = ("stem_conv", "stem_norm", "stage_1_conv", "stage_2_conv")

    def __init__(self):
        super().__init__()
        self.steps, self.trained, self.told = [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.told.append((epoch, self.params["epochs"]))

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        layers = [self.model.get_layer(name) for name in self.LAYERS]
        self.steps.append([np.concatenate([w.ravel() for w in x.get_weights()]) for x in layers])
        self.trained.append(len(self.model.optimizer.variables))


@pytest.fixture(scope="module")
def whole(place):
    seen = Weights()
    return trained(place, "whole", seen), seen


def test_frozen_layers_stay_as_they_are_until_the_epoch_and_move_after_it(place, whole):
    _, seen = whole
    source = keras.models.load_model(place / "encoder.keras")
    begun = [
        np.concatenate([w.ravel() for w in source.get_layer(n).get_weights()]) for n in seen.LAYERS
    ]
    assert len(seen.steps) == 2 * STEPS
    for step in seen.steps[:STEPS]:
        for layer in range(3):  # statistics of the normalisation too
            np.testing.assert_array_equal(step[layer], begun[layer])
        assert np.abs(step[3] - begun[3]).max() > 0
    for step in seen.steps[STEPS:]:
        for layer in range(4):
            assert np.abs(step[layer] - begun[layer]).max() > 0


def test_what_is_frozen_has_no_place_in_the_optimizer(whole):
    """It costs no gradient: Muon keeps one array of each kernel, and two of all else."""
    _, seen = whole
    before, after = seen.trained[0], seen.trained[-1]
    kernels, others = 2, 2 * 3  # of two stages; the others are biases, scales and shifts
    assert after - before == kernels + 2 * others
    assert set(seen.trained[:STEPS]) == {before}
    assert set(seen.trained[STEPS:]) == {after}


@pytest.mark.parametrize(
    ("action", "place_"),
    [
        (kill, {"step": 1}),
        (ctrl_c, {"step": STEPS}),
        (ctrl_c, {"ended": 0}),
        (ctrl_c, {"step": STEPS + 1}),
        (kill, {"step": 2 * STEPS - 1}),
    ],
)
def test_it_ends_alike_where_it_was_broken_off(place, whole, action, place_):
    """Before the thaw, at it, and after it."""
    often = {"checkpoint_minutes": 1e-9} if action is kill else {}
    broken = f"{action.__name__} {place_}"
    with pytest.raises((Killed, Interrupted)):
        trained(place, broken, At(action, **place_), **often)
    assert_alike(trained(place, broken, **often), whole[0])


def test_callbacks_are_told_of_all_epochs(whole):
    assert whole[1].told == [(0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"frozen_epochs": 2}, "must be below the 2 epochs of the training.* Received: 2"),
        ({"epochs": None, "minutes": 1}, "minutes= leaves open how many there are. Give epochs="),
    ],
)
def test_an_epoch_that_there_is_not_is_refused(words, expected):
    with pytest.raises(KsegError, match=expected):
        defaults.check_thaw(make_recipe(**(WORDS | words)))


def test_a_thaw_of_nothing_is_refused():
    from kseg.models import catalog

    with pytest.raises(KsegError, match="no stage is frozen. Give frozen= too"):
        catalog.check(Model(arch="fpn", frozen_epochs=2))
