"""History as JSON lines: valid for any reader, and of the network that is kept."""

import json

import keras
import numpy as np
import pytest

import kseg
from kseg.callbacks import HistoryLines, WeightAverage
from kseg.errors import KsegError

pytestmark = pytest.mark.backend

IMAGES = np.arange(24, dtype=np.float32).reshape(4, 2, 3, 1) / 24
MASKS = np.array([[[0, 1, 1], [0, 0, 255]]] * 4)
"""A class 2 is nowhere, and no pixel of it is predicted by the network below."""


def network(metrics=None):
    """A network of single pixels: the likelier of the classes 0 and 1 hangs on the brightness."""
    image = keras.Input((2, 3, 1))
    x = keras.layers.Conv2D(3, 1, activation="softmax")(image)
    model = keras.Model(image, x)
    model.set_weights([np.array([[[[-8.0, 8.0, 0.0]]]]), np.array([4.0, -4.0, -90.0])])
    metrics = [kseg.metrics.MeanIoU(3)] if metrics is None else metrics
    model.compile(keras.optimizers.SGD(1e-3), kseg.losses.CrossEntropy(), metrics=metrics)
    return model


def read(path):
    def refuse(name):
        raise ValueError(f"{name} is no JSON")

    text = path.read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in text]


def iou_by_numpy(model):
    """Of each class: pixels in both over pixels in either; None where there are none."""
    predicted = model.predict(IMAGES, verbose=0).argmax(-1)
    valid = MASKS != 255
    found = []
    for index in range(3):
        one, other = (index == MASKS) & valid, (predicted == index) & valid
        either = (one | other).sum()
        found.append(float((one & other).sum() / either) if either else None)
    return found


def test_a_line_per_epoch_holds_what_a_program_needs(tmp_path):
    path, model, seconds = tmp_path / "history.jsonl", network(), iter(range(100))
    lines = HistoryLines(path, ("sky", "road", "sea"), 2, clock=lambda: float(next(seconds)))
    seen = []
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((dict(logs), iou_by_numpy(model)))
    )
    fit = {"batch_size": 2, "epochs": 3, "validation_freq": 2, "verbose": 0, "shuffle": False}
    model.fit(IMAGES, MASKS, validation_data=(IMAGES, MASKS), callbacks=[lines, spy], **fit)
    found = read(path)
    assert [line["epoch"] for line in found] == [1, 2, 3]
    assert [line["images"] for line in found] == [4, 8, 12]
    assert [line["seconds"] for line in found] == [1, 2, 3]
    assert [line["learning_rate"] for line in found] == [0.001] * 3
    assert ["val_iou" in line for line in found] == [False, True, False]
    for line, (logs, _) in zip(found, seen, strict=True):
        assert {name: line[name] for name in logs} == pytest.approx(logs, rel=1e-5)
    scores = found[1]["val_iou"]
    assert list(scores) == ["sky", "road", "sea"]
    assert scores["sea"] is None
    expected = seen[1][1]
    assert list(scores.values())[:2] == pytest.approx(expected[:2], rel=1e-5)
    assert 0 < scores["sky"] < 1
    assert found[1]["val_mean_iou"] == pytest.approx(np.mean(expected[:2]), rel=1e-5)


def test_what_is_not_finite_is_null(tmp_path):
    lines = HistoryLines(tmp_path / "history.jsonl")
    lines.set_model(network())
    lines.on_epoch_end(0, {"loss": float("nan"), "val_loss": float("inf"), "a": np.float32(0.5)})
    (line,) = read(tmp_path / "history.jsonl")
    assert (line["loss"], line["val_loss"], line["a"]) == (None, None, 0.5)
    assert {"images", "val_iou"}.isdisjoint(line)


@pytest.mark.parametrize("is_kept", [True, False])
def test_scores_are_those_of_the_network_that_is_kept(tmp_path, is_kept):
    """The average of the weights confuses all classes, or is the one that does not."""
    path, model = tmp_path / "history.jsonl", network()
    good = model.get_weights()
    bad = [-good[0], np.array([-4, 4, -90], np.float32)]
    average = WeightAverage(4, (IMAGES, MASKS))
    swap = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(
            average, "_average", good if is_kept else bad
        )
    )
    model.set_weights(bad if is_kept else good)
    lines = HistoryLines(path, ("sky", "road", "sea"))
    model.fit(
        IMAGES,
        MASKS,
        validation_data=(IMAGES, MASKS),
        verbose=0,
        callbacks=[average, swap, lines],
    )
    scores = read(path)[0]["val_iou"]
    assert list(scores.values())[:2] == pytest.approx(iou_by_numpy(model)[:2], rel=1e-5)
    assert scores["sky"] > 0.3
    assert read(path)[0]["val_mean_iou"] == pytest.approx(sum(list(scores.values())[:2]) / 2)


def test_it_goes_on_from_its_state_with_no_line_twice(tmp_path):
    """An epoch was written, and the process killed before the state was."""
    path, time = tmp_path / "history.jsonl", [10.0]

    def made():
        lines = HistoryLines(path, batch_size=5, clock=lambda: time[0])
        lines.set_model(network())
        lines.on_train_begin()
        return lines

    def epoch(lines, number):
        lines.on_train_batch_end(0)
        time[0] += 7
        lines.on_epoch_end(number, {"loss": 1.0})

    first = made()
    epoch(first, 0)
    state = json.loads(json.dumps(first.get_state()))
    epoch(first, 1)
    time[0] = 900.0
    second = HistoryLines(path, batch_size=5, clock=lambda: time[0])
    second.set_model(network())
    second.set_state(state)
    second.on_train_begin()
    epoch(second, 1)
    epoch(second, 2)
    found = [(line["epoch"], line["seconds"], line["images"]) for line in read(path)]
    assert found == [(1, 7, 5), (2, 14, 10), (3, 21, 15)]


def test_a_name_too_few_is_said(tmp_path):
    lines, model = HistoryLines(tmp_path / "history.jsonl", ("sky", "road")), network()
    data = (IMAGES, MASKS)
    with pytest.raises(KsegError, match="classes must have as many entries as the classes of mean"):
        model.fit(*data, validation_data=data, verbose=0, callbacks=[lines])


def test_without_a_metric_of_kseg_there_are_no_scores(tmp_path):
    lines, model = HistoryLines(tmp_path / "history.jsonl", ("sky", "road", "sea")), network([])
    data = (IMAGES, MASKS)
    model.fit(*data, validation_data=data, verbose=0, callbacks=[lines])
    assert read(tmp_path / "history.jsonl")[0]["val_iou"] == {}
