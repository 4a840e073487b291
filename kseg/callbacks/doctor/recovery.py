"""A loss that is no longer finite: back to the last good weights, at half the rate."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kseg.callbacks.doctor.findings import Finding, Findings
from kseg.callbacks.rate import LearningRate
from kseg.callbacks.resume import Resumable
from kseg.errors import KsegError

BETWEEN = 200
"""Steps after which the weights are kept anew within an epoch."""
SUSPECT = 3.0
"""A loss of so many times the smallest so far: the weights before the next step are looked at."""
SIGN = "not finite"


class Recovery(keras.callbacks.Callback):
    """Goes back to the last good weights when the loss is NaN or infinite, and halves the rate.

    The weights and the optimizer's state are kept in memory at the beginning of each epoch, and
    within long ones; it goes back to those kept before the last, for a training explodes some steps
    before its loss shows it. A training that has gone back `most` times ends with the next such
    loss. Where it stands among other callbacks: behind the rate, before those that keep or average
    weights.

    Args:
        rate: The callback that sets the rate, whose factor is halved.
        findings: What was found is added to these.
        averages: Callbacks whose state goes back too, such as `WeightAverage`.
        most: Times that it goes back; 0 to end the training at once.
        batches: What is learned from; where it has `names(step)`, the files are named.

    Raises:
        KsegError: Raised in `fit` where the loss is not finite once more.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", lambda truth, found: found / 0.0)
        >>> rate = kseg.callbacks.LearningRate(lambda step: 1.0, 9, kseg.callbacks.BySteps(9))
        >>> recovery = kseg.callbacks.Recovery(rate, kseg.callbacks.Findings(tell=print), most=0)
        >>> x = np.ones((4, 1))
        >>> model.fit(x, x, verbose=0, callbacks=[rate, recovery])
        Traceback (most recent call last):
        ...
        kseg.errors.KsegError: The loss was not a finite number in step 1 of epoch 1...
    """

    def __init__(
        self,
        rate: LearningRate,
        findings: Findings,
        averages: Sequence[Resumable] = (),
        most: int = 3,
        batches: Any = None,
    ) -> None:
        super().__init__()
        self.times = 0
        self._rate = rate
        self._findings = findings
        self._averages = averages
        self._most = most
        self._batches = batches
        self._kept: list[_State] = []
        self._epoch, self._since = 0, 0
        self._is_new = False
        self._least = math.inf
        self._loss = math.inf
        self._before: list | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Have the weights kept, once the network has its own again in the place of an average."""
        self._epoch, self._is_new = epoch, True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Keep the weights an epoch begins with, and those before a step if the loss is large."""
        if self._is_new:
            self._keep()
        self._is_new = False
        is_suspect = self.model.built and not self._loss < SUSPECT * self._least
        self._before = self._weights() if is_suspect else None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Go back if the loss is not finite."""
        self._loss = float((logs or {}).get("loss", 0.0))
        if math.isfinite(self._loss):
            self._least = min(self._least, self._loss)
            self._since += 1
            if self._since >= BETWEEN or not self._kept:
                self._keep()
            return
        self._go_back(f"in step {batch + 1} of epoch {self._epoch + 1}", self._reason(batch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Go back if the loss of the validation is not finite."""
        if not math.isfinite(float((logs or {}).get("val_loss", 0.0))):
            self._go_back(f"in the validation of epoch {epoch + 1}", "")

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"times": self.times, "least": self._least, "loss": self._loss}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.times, self._least, self._loss = state["times"], state["least"], state["loss"]

    def _keep(self) -> None:
        """Keep the state of model, optimizer and averages, and the one before it."""
        if not self.model.built:  # it has no weights before its first step
            return
        self._since = 0
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        state = _State(self._variables(), self._averages)
        # A model that was compiled anew has another optimizer: what was kept before is of no use.
        before = [kept for kept in self._kept[-1:] if kept.fits(state)]
        self._kept = [*before, state]

    def _variables(self) -> list[keras.Variable]:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        return [*self.model.variables, *self.model.optimizer.variables]

    def _weights(self) -> list:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        return [ops.copy(weight) for weight in self.model.weights]

    def _go_back(self, where: str, reason: str) -> None:
        """Go back and halve the rate, or end the training.

        Raises:
            KsegError: It has gone back often enough.
        """
        cause = f"The loss was not a finite number {where}. {reason}".strip()
        mend = (
            "Take a lower learning_rate= (kseg train --find-lr finds one), clip_norm=1, or "
            "precision=float32; kseg data check looks at the images."
        )
        if self.times >= self._most or not self._kept:
            went = f" It had gone back {self.times} times." if self.times else ""
            self._findings.keep(Finding(SIGN, self._epoch + 1, cause, mend))
            raise KsegError(f"{cause}{went} {mend}")
        self.times += 1
        self._rate.factor /= 2
        self._kept[0].restore(self._variables(), self._averages)
        self._kept = self._kept[:1]
        self.model.reset_metrics()
        self._loss = self._least
        went = f"The training goes on with earlier weights at 1/{round(1 / self._rate.factor)} of "
        went += f"its rate ({self.times} of {self._most} times)."
        self._findings.add(Finding(SIGN, self._epoch + 1, f"{cause} {went}", mend))

    def _reason(self, batch: int) -> str:
        """Say where in the network it began, and on which files, as far as that is known."""
        parts = []
        if self._batches is not None and self._kept:
            if self._before is not None:
                self._restore_weights(self._before)
            else:
                self._kept[-1].restore_weights(self.model)
            layer = first_not_finite(self.model, self._batches[batch][0])
            if layer:
                parts.append(f"The first layer whose values are not finite is {layer}.")
        names = getattr(self._batches, "names", None)
        if names is not None:
            parts.append(f"The images of the step: {', '.join(names(batch))}.")
        return " ".join(parts)

    def _restore_weights(self, values: list) -> None:
        for weight, value in zip(self.model.weights, values, strict=True):
            weight.assign(ops.copy(value))


class _State:
    """Copies of variables, and of the state of callbacks."""

    def __init__(self, variables: Sequence[keras.Variable], parts: Sequence[Resumable]) -> None:
        self._values = [ops.copy(variable) for variable in variables]
        self._states = [part.get_state() for part in parts]

    def fits(self, other: "_State") -> bool:
        """Tell whether both are of the same variables."""
        return [value.shape for value in self._values] == [value.shape for value in other._values]

    def restore(self, variables: Sequence[keras.Variable], parts: Sequence[Resumable]) -> None:
        """Put all back."""
        for variable, value in zip(variables, self._values, strict=True):
            variable.assign(ops.copy(value))  # JAX takes what it is given for its own
        for part, state in zip(parts, self._states, strict=True):
            part.set_state(dict(state))

    def restore_weights(self, model: keras.Model) -> None:
        """Put the variables of the model alone back."""
        for variable, value in zip(model.variables, self._values, strict=False):
            variable.assign(ops.copy(value))


def first_not_finite(model: keras.Model, images: np.ndarray) -> str:
    """Return the name of the first layer that gives a number that is not finite; "" for none.

    Args:
        model: A functional model.
        images: A batch.
    """
    layers = [layer for layer in model.layers if len(layer._inbound_nodes) == 1]
    outputs = [layer.output for layer in layers]
    values = keras.Model(model.input, outputs)(images, training=True)
    for layer, value in zip(layers, values, strict=True):
        for part in keras.tree.flatten(value):
            if not np.isfinite(ops.convert_to_numpy(ops.cast(part, "float32"))).all():
                return layer.name
    return ""
