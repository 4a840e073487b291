"""What is monitored: the best epoch by it, the end of a training, a rate that falls."""

import math

import keras
import numpy as np
import pytest

from kseg.callbacks import BySteps, Checkpoint, EarlyStopping, LearningRate, Plateau
from kseg.errors import KsegError

pytestmark = pytest.mark.backend


class Values(keras.callbacks.Callback):
    """Puts given values into the logs, and takes down the rate of each epoch."""

    def __init__(self, log, values):
        super().__init__()
        self.log, self.values = log, values

    def on_epoch_end(self, epoch, logs=None):
        logs.pop(self.log, None)
        if self.values[epoch] is not None:
            logs[self.log] = self.values[epoch]


def fitted(values, *callbacks, log="val_mean_dice"):
    """Fit for as many epochs as there are values; return the rates of the epochs."""
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    rates = []

    def take_down(batch, logs):
        if keras.backend.backend() == "jax":
            model.jax_state_sync()
        rates.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))

    note = keras.callbacks.LambdaCallback(on_train_batch_end=take_down)
    x = np.zeros((1, 1))
    listed = [note, Values(log, values), *callbacks]
    model.fit(x, x, epochs=len(values), verbose=0, callbacks=listed)
    return rates


@pytest.mark.parametrize(
    ("log", "values", "patience", "epochs"),
    [
        ("val_mean_dice", [0.1, 0.3, 0.2, 0.2, 0.9], 2, 4),
        ("val_loss", [0.9, 0.3, 0.4, 0.2, 0.5, 0.6, 0.1], 2, 6),
        ("val_mean_dice", [0.1, None, None, 0.2, None, None, 0.1, 0.9], 3, 7),
        ("val_mean_dice", [0.1, 0.2, 0.3], 1, 3),
        ("val_mean_dice", [0.1, math.nan, math.nan], 2, 3),
    ],
)
def test_a_training_ends_when_it_gets_no_better(log, values, patience, epochs):
    stop = EarlyStopping(patience, log)
    assert len(fitted(values, stop, log=log)) == epochs
    assert stop.ended == (values[epochs - 1] != max(v for v in values if v is not None))


@pytest.mark.parametrize(
    ("values", "rates"),
    [
        # Epochs 3 and 4 are no better than 2: the rate falls; so are 5 and 6: it falls again.
        ([0.1, 0.3, 0.3, 0.2, 0.1, 0.3, 0.1], [1, 1, 1, 1, 0.5, 0.5, 0.25]),
        ([0.1, 0.2, 0.1, 0.3, 0.2, 0.2, 0.4], [1, 1, 1, 1, 1, 1, 0.5]),
    ],
)
def test_the_rate_falls_on_a_plateau(values, rates):
    rate = LearningRate(lambda step: 1.0, len(values), BySteps(len(values)))
    plateau = Plateau(rate, patience=2, factor=0.5, monitor="val_mean_dice")
    assert fitted(values, rate, plateau) == rates


def test_they_go_on_where_they_stood():
    for make in (
        lambda: EarlyStopping(3, "val_mean_dice"),
        lambda: Plateau(LearningRate(lambda step: 1.0, 4, BySteps(4)), 3, 0.5, "val_mean_dice"),
    ):
        whole, first, second = make(), make(), make()
        for one in (whole, first, second):
            one.set_model(keras.Sequential())
        for epoch, value in enumerate([0.1, 0.4, 0.2, 0.1, 0.3, 0.2]):
            if epoch == 3:
                second.set_state(first.get_state())
            for one in (whole, first if epoch < 3 else second):
                one.on_epoch_end(epoch, {"val_mean_dice": value})
        assert second.get_state() == whole.get_state()


@pytest.mark.parametrize(
    ("log", "values", "above", "best"),
    [
        ("val_mean_dice", [0.7, 0.85, 0.82], 0.8, 2),
        ("val_mean_dice", [0.7, 0.8, 0.75], 0.8, None),
        ("val_loss", [0.7, 0.4, 0.3], 0.5, 3),
        ("val_loss", [0.7, 0.6, 0.9], 0.5, None),
    ],
)
def test_only_what_is_above_is_kept(tmp_path, log, values, above, best):
    files = tmp_path / "best.keras", tmp_path / "last.keras"
    checkpoint = Checkpoint(*files, monitor=log, above=above)
    fitted(values, checkpoint, log=log)
    assert checkpoint.best_epoch == best
    assert [path.exists() for path in files] == [best is not None, True]


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("log", ["loss", "val_loss"])
def test_an_epoch_that_is_not_finite_is_never_kept(tmp_path, log, value):
    files = tmp_path / "best.keras", tmp_path / "last.keras"
    checkpoint = Checkpoint(*files, monitor="val_mean_dice")
    fitted([value, value], checkpoint, log=log)
    assert checkpoint.best_epoch is None
    assert not any(path.exists() for path in files)


def test_wrong_values_are_refused():
    rate = LearningRate(lambda step: 1.0, 1, BySteps(1))
    with pytest.raises(KsegError, match="patience must be"):
        EarlyStopping(0)
    with pytest.raises(KsegError, match="patience must be"):
        Plateau(rate, patience=0)
    with pytest.raises(KsegError, match="factor must be"):
        Plateau(rate, factor=2)
