"""The doctor in a real `fit`: each sickness is made, seen, and told once."""

import json

import keras
import numpy as np
import pytest

from kseg.callbacks import Diagnosis, Finding, Findings
from kseg.losses import CrossEntropy
from kseg.metrics import MeanIoU

pytestmark = pytest.mark.backend

SIDE = 8


class Bright(keras.utils.PyDataset):
    """Images whose brightness is their class, in batches of four."""

    def __init__(self, masks=None, count=12, waited=0.0):
        super().__init__()
        rng = np.random.default_rng(0)
        self.masks = rng.integers(0, 3, (count, 4, SIDE, SIDE)) if masks is None else masks
        self.images = np.repeat(self.masks[..., None] * 80.0, 3, axis=-1).astype("float32")
        self.waited, self.slow = 0.0, waited

    def __len__(self):
        return len(self.masks)

    def __getitem__(self, index):
        self.waited += self.slow
        return self.images[index], self.masks[index]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def network(activation="softmax", normalization=None, bias="zeros"):
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 80, offset=-1)(image)
    x = keras.layers.Conv2D(8, 1, activation="relu")(x)
    if normalization:
        x = normalization(x)
    outputs = keras.layers.Conv2D(3, 1, activation=activation, bias_initializer=bias)(x)
    return keras.Model(image, outputs)


def found(model, batches=None, rate=0.1, loss=None, epochs=9, **how):
    """Train; return what was found, by its sign."""
    batches = Bright() if batches is None else batches
    findings = Findings(tell=lambda finding: None)
    model.compile(
        keras.optimizers.Adam(rate),
        loss or CrossEntropy(from_logits=model.layers[-1].activation is keras.activations.linear),
        metrics=[MeanIoU(3)],
    )
    doctor = Diagnosis(findings, ("low", "middle", "high"), batches)
    how = {"validation_data": Bright()} | how
    model.fit(batches, epochs=epochs, verbose=0, callbacks=[doctor], **how)
    assert len({finding.sign for finding in findings.all}) == len(findings.all)
    return {finding.sign: finding for finding in findings.all}


def test_a_healthy_training_has_nothing():
    assert found(network()) == {}


@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`:UserWarning")  # Keras's own
@pytest.mark.parametrize(("activation", "from_logits"), [("softmax", True), (None, False)])
def test_outputs_and_loss_that_disagree(activation, from_logits):
    for loss in (
        CrossEntropy(from_logits=from_logits),
        keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits),
    ):
        finding = found(network(activation), loss=loss, epochs=1)["logits"]
        gives = "probabilities" if activation else "logits"
        assert finding.epoch == 1
        assert f"gives {gives}" in finding.cause
        assert "from_logits=True" in finding.mend


def test_a_collapsed_prediction():
    stuck = network(bias=lambda shape, dtype: keras.ops.array([9.0, 0.0, 0.0], dtype))
    finding = found(stuck, rate=1e-3)["collapsed"]
    assert "predicted as low, which has 3" in finding.cause
    assert finding.epoch == 4  # the second look after a third of the nine


def test_classes_never_predicted():
    image = keras.Input((SIDE, SIDE, 3))
    two = keras.layers.Conv2D(2, 1)(keras.layers.Rescaling(1 / 80, offset=-1)(image))
    never = keras.layers.Rescaling(0.0, offset=-50.0)(two[..., :1])
    outputs = keras.layers.Softmax()(keras.layers.Concatenate()([two, never]))
    seen = found(keras.Model(image, outputs), loss=CrossEntropy())
    assert "predicted as high so far" in seen["never predicted"].cause


def test_a_rate_far_too_high():
    finding = found(network(), rate=50.0)["rate too high"]
    assert "learning_rate=" in finding.mend


@pytest.mark.filterwarnings("error:overflow encountered:RuntimeWarning")
def test_a_rate_beyond_all_measure_makes_no_noise():
    found(network(), Bright(count=1), rate=1e25, epochs=1)


def test_a_rate_far_too_low():
    finding = found(network(), rate=1e-9)["rate too low"]
    assert "learning_rate=" in finding.mend


@pytest.mark.parametrize(("value", "named"), [(255, "void"), (1, "class 1")])
def test_masks_that_hold_nothing(value, named):
    masks = np.full((3, 4, SIDE, SIDE), value)
    finding = found(network(), Bright(masks), epochs=1)["masks"]
    assert f"nothing but {named}" in finding.cause


def test_running_statistics_that_lag():
    slow = keras.layers.BatchNormalization(momentum=0.99999)
    finding = found(network(normalization=slow), rate=0.05, epochs=12)["running statistics"]
    assert "batch_size=" in finding.mend


def test_training_and_validation_that_part():
    """The validation masks hold something else than what is learned."""
    other = Bright()
    other.masks = (other.masks + 1) % 3

    class Later(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_mean_iou"] = 1 - 0.1 * epoch

    model = network()
    model.compile(keras.optimizers.Adam(0.02), CrossEntropy())
    findings = Findings(tell=lambda finding: None)
    doctor = Diagnosis(findings)
    how = {"validation_data": other, "epochs": 9, "verbose": 0, "callbacks": [Later(), doctor]}
    model.fit(Bright(), **how)
    (finding,) = findings.all
    assert finding.sign == "overfitting"
    assert "the validation loss has risen" in finding.cause


def test_a_pipeline_that_starves_the_device():
    finding = found(network(), Bright(waited=10.0), epochs=2)["starved"]
    assert finding.epoch == 2
    assert "cache=" in finding.mend


def test_memory_that_grows(monkeypatch):
    used = iter(range(1000, 10**6, 200))
    monkeypatch.setattr("kseg.machine.most_memory", lambda: float(next(used)))
    assert "from 1000 to 2000 MiB" in found(network())["growing memory"].cause


def test_a_training_that_goes_on_is_looked_at_as_a_whole(tmp_path):
    findings = Findings(tmp_path / "findings.json", tell=lambda finding: None)
    whole, first, second = (Diagnosis(findings) for _ in range(3))
    model = network()
    model.compile("adam", CrossEntropy())
    for doctor, epochs in ((whole, range(4)), (first, range(2)), (second, range(2, 4))):
        doctor.set_model(model)
        doctor.set_params({"epochs": 4, "steps": 1})
        if doctor is second:
            doctor.set_state(json_alike(first.get_state()))
        doctor.on_train_begin()
        for epoch in epochs:
            doctor.on_epoch_begin(epoch)
            doctor.on_train_batch_end(0, {"loss": 2.0 - 0.1 * epoch, "done": epoch / 4})
            doctor.on_epoch_end(epoch, {"loss": 2.0 - 0.1 * epoch})
    one, other = whole.get_state(), second.get_state()
    for clocked in ("waited", "memory"):
        for epoch in (*one["epochs"], *other["epochs"]):
            epoch.pop(clocked)
    np.testing.assert_equal(one, other)


def json_alike(state):
    return json.loads(json.dumps({k: v for k, v in state.items() if k != "arrays"})) | {
        "arrays": state["arrays"]
    }


def test_findings_are_kept_and_told_once(tmp_path):
    told = []
    path = tmp_path / "findings.json"
    finding = Finding("starved", 2, "the network waits.", "Feed it.")
    for _ in range(2):
        findings = Findings(path, told.append)
        findings.add(finding)
    assert told == [finding]
    assert json.loads(path.read_text()) == [
        {"sign": "starved", "epoch": 2, "cause": "the network waits.", "mend": "Feed it."}
    ]
    with pytest.warns(UserWarning, match=r"Epoch 2: the network waits\. Feed it\."):
        Findings().add(finding)
