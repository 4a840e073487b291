"""Callbacks in a real `fit`: the best epoch is kept, each epoch is written once."""

import io

import keras
import numpy as np
import pytest
from rich.console import Console

from kseg import build_unetpp
from kseg.callbacks import Checkpoint, HistoryFile, Progress, WeightAverage
from kseg.runs.history import read_history

pytestmark = pytest.mark.backend


class Scores(keras.callbacks.Callback):
    """Puts given scores into the logs."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        if self.values[epoch] is not None:
            logs["val_mean_iou"] = self.values[epoch]


def fit(values, *callbacks):
    """Train a single weight that grows from epoch to epoch."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.set_weights([np.zeros((1, 1))])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = np.ones((4, 1))
    model.fit(data, data, epochs=len(values), verbose=0, callbacks=[Scores(values), *callbacks])
    return model


def weight(path):
    return float(keras.models.load_model(path).get_weights()[0][0, 0])


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.1, 0.5, 0.3], 2),
        ([0.5, 0.5, 0.5], 1),
        ([None, 0.2, None], 2),
        ([None, None], 1),
        ([float("nan"), 0.1], 2),
    ],
)
def test_the_best_epoch_and_the_last_are_kept(tmp_path, values, best):
    seen = []
    checkpoint = Checkpoint(str(tmp_path / "best.keras"), tmp_path / "last.keras")
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(float(model_weight(checkpoint)))
    )
    fit(values, checkpoint, spy)
    assert checkpoint.best_epoch == best
    assert weight(tmp_path / "best.keras") == pytest.approx(seen[best - 1])
    assert weight(tmp_path / "last.keras") == pytest.approx(seen[-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "last.keras"]


def model_weight(checkpoint):
    return checkpoint.model.get_weights()[0][0, 0]


def test_a_failed_save_keeps_the_last_good_file(tmp_path):
    class Broken:
        def save(self, path):
            path.write_text("half")
            raise OSError(28, "No space left on device")

    path = tmp_path / "best.keras"
    path.write_text("good")
    checkpoint = Checkpoint(path, path, export=lambda model: Broken())
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path)
    assert path.read_text() == "good"
    assert len(list(tmp_path.iterdir())) == 1


def test_history_has_each_epoch_once_and_gaps_where_nothing_was_measured(tmp_path):
    path = tmp_path / "history.csv"
    fit([None, 0.25, None, 0.5], HistoryFile(str(path)))
    history = read_history(path)
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(history["learning_rate"], 0.1)
    np.testing.assert_array_equal(history["val_mean_iou"], [np.nan, 0.25, np.nan, 0.5])
    assert (np.diff(history["loss"]) < 0).all()


def test_progress_writes_a_line_an_epoch_into_a_file():
    file = io.StringIO()
    fit([0.25, 0.5], Progress(Console(file=file, width=120)))
    lines = file.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2  loss ")
    assert "val mean IoU 0.500" in lines[1]


def test_progress_shows_a_bar_on_a_terminal():
    file = io.StringIO()
    fit([0.25, 0.5], Progress(Console(file=file, width=120, force_terminal=True)))
    assert "\x1b[" in file.getvalue()
    assert "epoch 2/2" in file.getvalue()


def test_all_heads_of_the_best_epoch_are_kept_beside_the_final_one(tmp_path):
    model = build_unetpp((None, None, 3), 2, filters=(2, 4, 4))
    paths = [tmp_path / name for name in ("best.keras", "last.keras", "heads.keras")]
    checkpoint = Checkpoint(*paths[:2], heads=paths[2])
    checkpoint.set_model(model)
    checkpoint.on_epoch_end(0, {"val_mean_iou": 0.5})
    first = paths[2].read_bytes()
    checkpoint.on_epoch_end(1, {"val_mean_iou": 0.4})
    assert paths[2].read_bytes() == first
    assert set(keras.models.load_model(paths[2]).output) == {"x0_1", "x0_2"}
    assert keras.models.load_model(paths[0]).output.shape == (None, None, None, 2)


def averaged(rate, span, epochs, *callbacks):
    """Train a single weight from 0 towards 1, a step per epoch; return the weights of the steps.

    The gradient of (w - 1)^2 is 2 (w - 1), so that step t leaves w - 1 = -(1 - 2 rate)^t.
    """
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    model.set_weights([np.zeros((1, 1))])
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=[keras.metrics.R2Score(name="r2")])
    x = np.array([[1.0], [-1.0]])
    average = WeightAverage(span, (x, x), monitor="val_r2")
    model.fit(
        x,
        x,
        epochs=epochs,
        verbose=0,
        validation_data=(x, x),
        callbacks=[average, *callbacks],
    )
    return model, 1 - (1 - 2 * rate) ** np.arange(1, epochs + 1)


def by_numpy(weights, span):
    """The docstring's formula; the average starts at the weights of the first step."""
    average = weights[0]
    for step, weight in enumerate(weights[1:], start=2):
        decay = min(1 - 1 / span, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    return average


def test_an_average_that_is_better_is_kept_and_the_training_goes_on_from_its_own_weights(tmp_path):
    """The weight swings around 1 from side to side, and its average lies between."""
    paths = tmp_path / "best.keras", tmp_path / "last.keras"
    checkpoint = Checkpoint(*paths, monitor="val_r2")
    model, weights = averaged(0.95, 4, 6, checkpoint)
    assert np.abs(weights - 1).min() > 0.5
    expected = by_numpy(weights, 4)
    assert model.get_weights()[0][0, 0] == pytest.approx(expected, abs=1e-5)
    assert weight(paths[1]) == pytest.approx(expected, abs=1e-5)


def test_over_many_steps_the_average_is_renewed_every_few():
    """A span of 32: every second step, with the decay of two."""
    image = keras.Input((1,))
    model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
    average = WeightAverage(32, (), monitor="x")
    average.set_model(model)
    expected = None
    for step in range(1, 8):
        model.set_weights([np.full((1, 1), float(step))])
        average.on_train_batch_end(step - 1)
        if step == 1:
            expected = 1.0
        elif step % 2 == 1:
            decay = min(1 - 1 / 32, (1 + step) / (10 + step)) ** 2
            expected = decay * expected + (1 - decay) * step
    assert float(average._average[0][0, 0]) == pytest.approx(expected, abs=1e-5)


def test_an_average_goes_on_from_its_state():
    """In the middle of an epoch, and at the end of one in which the network holds it."""

    def stepped(average, steps):
        for step in steps:
            average.model.set_weights([np.full((1, 1), float(step))])
            average.on_train_batch_end(step - 1)

    def made():
        image = keras.Input((1,))
        model = keras.Model(image, keras.layers.Dense(1, use_bias=False)(image))
        average = WeightAverage(4, (), monitor="x")
        average.set_model(model)
        return average

    first, second = made(), made()
    stepped(first, range(1, 4))
    second.set_state(first.get_state())
    stepped(second, range(4, 7))
    expected = by_numpy(np.arange(1.0, 7.0), 4)
    assert float(second._average[0][0, 0]) == pytest.approx(expected, abs=1e-5)
    first._weights = [np.full((1, 1), 9.0)]
    third = made()
    third.set_state(first.get_state())
    third.on_epoch_begin(1)
    assert third.model.get_weights()[0][0, 0] == 9.0


def test_an_average_that_is_worse_is_dropped():
    """The weight nears 1 from one side, and its average lags behind."""
    model, weights = averaged(0.1, 4, 6)
    assert model.get_weights()[0][0, 0] == pytest.approx(weights[-1], abs=1e-5)


def test_the_running_statistics_are_averaged_too():
    inputs = keras.Input((1,))
    norm = keras.layers.BatchNormalization(momentum=0.5, center=False, scale=False)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(norm(inputs)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.full((4, 1), 8.0)
    average = WeightAverage(4, (x, x), monitor="val_loss")
    model.fit(x, x, epochs=3, verbose=0, validation_data=(x, x), callbacks=[average])
    place = ["moving_mean" in weight.path for weight in model.weights].index(True)
    found = keras.ops.convert_to_numpy(average._average[place])
    means = np.array([4.0, 6.0, 7.0])  # half the way to 8 per step
    assert found[0] == pytest.approx(by_numpy(means, 4), abs=1e-5)
