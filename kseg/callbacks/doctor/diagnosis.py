"""Recognises what goes wrong in a training, and says so while it happens."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from kseg import machine
from kseg.callbacks.doctor.findings import Finding, Findings
from kseg.callbacks.doctor.signs import APART, EARLY, SIGNS, Epoch
from kseg.callbacks.monitor import monitored

LOOKED_AT = 4
"""Batches whose masks are looked at before the first step."""
ENTRIES = 1000
"""Entries of each kernel that are followed."""


class Diagnosis(keras.callbacks.Callback):
    """Looks at a training after each epoch, and says what is wrong with it in words.

    In `kseg.train` it is always there. In a `fit` of your own it knows what the logs tell, and more
    with what it is given: with a metric of kseg in `compile`, which classes are predicted; with
    class names, what they are called; with batches of kseg, how long the network waits for them.
    Each sign is told once. It changes nothing: `Recovery` does what can be done.

    It recognises: masks that are empty or all void, outputs and a loss that disagree on logits, a
    prediction collapsed to one class, classes never predicted, a learning rate far too high or too
    low, running statistics of batch normalisation that are not the batches', overfitting, waiting
    for images, and memory that grows.

    Args:
        findings: What is found is added to these; by default it is warned of.
        class_names: Names of the classes; by default their numbers.
        batches: What is learned from, a `keras.utils.PyDataset` or any sequence of images and
            masks.
        monitor: The log that tells how good an epoch is.
        ignore_class: Index of void pixels; `None` for none.

    Example:
        >>> model = kseg.build_unet((16, 16, 3), 2, filters=(2, 4), activation=None)
        >>> model.compile("adam", kseg.losses.CrossEntropy())  # which takes probabilities
        >>> x, y = np.zeros((2, 16, 16, 3), np.uint8), np.eye(16, dtype=np.uint8)[None].repeat(2, 0)
        >>> doctor = kseg.callbacks.Diagnosis(kseg.callbacks.Findings(tell=print))
        >>> _ = model.fit(x, y, verbose=0, callbacks=[doctor])
        Epoch 1: the network gives logits, and the loss expects probabilities. ...
    """

    def __init__(
        self,
        findings: Findings | None = None,
        class_names: Sequence[str] = (),
        batches: Any = None,
        monitor: str = "val_mean_iou",
        ignore_class: int | None = 255,
    ) -> None:
        super().__init__()
        self._findings = findings or Findings()
        self._names = list(class_names)
        self._batches = batches
        self._monitor = monitor
        self._ignore = ignore_class
        self._epochs: list[Epoch] = []
        self._told: list[str] = []
        self._first_loss = math.nan
        self._done = 0.0
        self._began: list[np.ndarray] | None = None
        self._counts: np.ndarray | None = None
        self._clock, self._waited = 0.0, 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Look at masks, outputs and loss before the first step."""
        if self._epochs or self._began is not None:
            return
        self._began = self._followed()
        self._tell("logits", _disagreement(self.model), 1)
        if self._batches is not None:
            self._tell("masks", _emptiness(self._batches, self._ignore), 1)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock."""
        self._counts = None
        self._clock, self._waited = time.monotonic(), self._waited_so_far()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Take down the loss of the first step, and how far the training is."""
        logs = logs or {}
        if math.isnan(self._first_loss):
            self._first_loss = float(logs.get("loss", math.nan))
        steps = self.params.get("steps") or 1
        by_steps = (batch + 1) / steps
        self._done = logs.get("done", (len(self._epochs) + by_steps) / self.params["epochs"])

    def on_test_end(self, logs: dict | None = None) -> None:
        """Take down the pixels of each class in truth and prediction."""
        matrices = (getattr(metric, "matrix", None) for metric in _metrics(self.model))
        self._counts = next((matrix for matrix in matrices if matrix is not None), None)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Look at the epoch, and tell what is new."""
        self._epochs.append(self._epoch(epoch + 1, logs or {}))
        classes = len(self._epochs[-1].truth or ())
        names = self._names or [f"class {index}" for index in range(classes)]
        for sign, look in SIGNS.items():
            if sign not in self._told:
                self._tell(sign, look(self._epochs, names), epoch + 1)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {
            "epochs": [asdict(epoch) for epoch in self._epochs],
            "told": self._told,
            "first_loss": self._first_loss,
            "arrays": self._began or [],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._epochs = [Epoch(**content) for content in state["epochs"]]
        self._told = list(state["told"])
        self._first_loss = state["first_loss"]
        self._began = list(state.get("arrays", []))

    def _tell(self, sign: str, found: tuple[str, str] | None, epoch: int) -> None:
        if found is not None:
            self._told.append(sign)
            self._findings.add(Finding(sign, epoch, *found))

    def _epoch(self, number: int, logs: dict) -> Epoch:
        """Put together what is known after an epoch."""
        counts, began = self._counts, self._began or []
        is_last = self.model.stop_training or number == self.params["epochs"]
        done = 1.0 if is_last else self._done
        loss, val_loss = float(logs.get("loss", math.nan)), logs.get("val_loss")
        is_apart = val_loss is not None and val_loss > APART * loss and done >= EARLY
        both = self._twice() if is_apart else (None, None)
        waited = self._waited_so_far() - self._waited
        moved = [
            np.linalg.norm(now - before) / (np.linalg.norm(before) or 1.0)
            for now, before in zip(self._followed(), began, strict=True)
        ]
        return Epoch(
            number=number,
            done=done,
            loss=loss,
            first_loss=self._first_loss,
            moved=float(max(moved, default=1.0)),
            val_loss=None if val_loss is None else float(val_loss),
            score=monitored(self._monitor, logs),
            truth=None if counts is None else counts.sum(axis=1).tolist(),
            predicted=None if counts is None else counts.sum(axis=0).tolist(),
            in_training=both[0],
            in_inference=both[1],
            waited=waited / max(time.monotonic() - self._clock, 1e-9),
            memory=machine.most_memory(),
        )

    def _followed(self) -> list[np.ndarray]:
        """Return the beginnings of all kernels, frozen ones among them: those may thaw.

        In float64, which holds the squares of what a rate that is far too high makes of them.
        """
        if keras.backend.backend() == "jax" and self._began is not None:
            self.model.jax_state_sync()
        kernels = [weight for weight in self.model.weights if len(weight.shape) > 1]
        return [ops.convert_to_numpy(k).ravel()[:ENTRIES].astype(np.float64) for k in kernels]

    def _twice(self) -> tuple[float | None, float | None]:
        """Return the loss of a training batch by its own statistics, and by the running ones."""
        if self._batches is None:
            return None, None
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        images, masks = self._batches[0]
        before = self.model.get_weights()
        own, running = (self._loss(images, masks, training) for training in (True, False))
        self.model.set_weights(before)
        return own, running

    def _loss(self, images: np.ndarray, masks: np.ndarray, training: bool) -> float:
        outputs = self.model(images, training=training)
        return float(self.model.compute_loss(images, masks, outputs, training=training))

    def _waited_so_far(self) -> float:
        return getattr(self._batches, "waited", 0.0)


def _metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """Return the metrics of a compiled model, those inside others among them."""
    found: list[keras.metrics.Metric] = []
    for metric in model.metrics:
        found += getattr(metric, "metrics", None) or [metric]
    return found


def _disagreement(model: keras.Model) -> tuple[str, str] | None:
    """Tell whether the model's outputs and its loss disagree on what they are."""
    has_config = hasattr(model.loss, "get_config")
    expects_logits = model.loss.get_config().get("from_logits") if has_config else None
    outputs = getattr(model, "output", None)
    if expects_logits is None or outputs is None or not model.inputs:
        return None
    sides = [64 if side is None else side for side in model.inputs[0].shape[1:]]
    image = np.random.default_rng(0).uniform(0, 255, (1, *sides)).astype("float32")
    values = ops.convert_to_numpy(keras.tree.flatten(model(image, training=False))[-1])
    sums = values.sum(axis=-1) if values.shape[-1] > 1 else np.ones(1)
    are_parts = values.min() >= 0 and values.max() <= 1 and np.allclose(sums, 1, atol=1e-3)
    if are_parts == (not expects_logits):
        return None
    gives, expects = ("probabilities", "logits") if are_parts else ("logits", "probabilities")
    mend = (
        "Leave from_logits=True out, or build the network with activation=None."
        if are_parts
        else "Give the loss from_logits=True, or build the network with its activation."
    )
    return f"the network gives {gives}, and the loss expects {expects}.", mend


def _emptiness(batches: Any, ignore: int | None) -> tuple[str, str] | None:
    """Tell whether the first masks hold nothing to learn."""
    values = [np.unique(batches[index][1]) for index in range(min(LOOKED_AT, len(batches)))]
    found = sorted({int(value) for several in values for value in several})
    valid = [value for value in found if value != ignore]
    if len(valid) > 1:
        return None
    what = f"class {valid[0]}" if valid else "void"
    return (
        f"the masks of the first {len(values)} batches hold nothing but {what}.",
        "See what the masks hold (kseg data check, kseg data show), and that classes.json names "
        "their values.",
    )
