"""A running average of the weights, kept where it is the better network."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kseg import machine
from kseg.callbacks.monitor import merit


class WeightAverage(keras.callbacks.Callback):
    """Averages all weights over the last steps, and validates the average beside the network.

        a <- d a + (1 - d) w,   d = min(1 - 1 / span, (1 + t) / (10 + t))

    w are the weights after step t, the running statistics of normalisations among them; the second
    term of d is the ramp, by which the average forgets the first steps fast. At the end of an epoch
    that was validated the average is validated too. Where it is the better one its scores take the
    place of the network's in the logs, and the network holds it until the next epoch begins: a
    callback that comes later in the list, such as `Checkpoint`, saves what was scored. The model's
    metrics, too, hold what was counted for the one that is kept.

    Args:
        span: Steps over which it averages, roughly; a function where they are not known before.
        validation: What `model.fit` validates on, batches or a pair of arrays.
        monitor: The log by which the better one is found, the higher the better, but for one that
            ends in "loss".

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile("sgd", "mse", metrics=[keras.metrics.R2Score(name="r2")])
        >>> x = np.array([[0.0], [1.0]])
        >>> average = kseg.callbacks.WeightAverage(4, (x, x), monitor="val_r2")
        >>> fit = dict(validation_data=(x, x), verbose=0, callbacks=[average])
        >>> sorted(model.fit(x, x, epochs=2, **fit).history)
        ['loss', 'r2', 'val_loss', 'val_r2']

    References:
        Polyak and Juditsky 1992, https://doi.org/10.1137/0330046; the ramp is that of
        `tf.train.ExponentialMovingAverage`.
    """

    def __init__(
        self,
        span: float | Callable[[], float],
        validation: keras.utils.PyDataset | Sequence,
        monitor: str = "val_mean_iou",
    ) -> None:
        super().__init__()
        self._span = span if callable(span) else lambda: span
        self._validation = validation
        self._monitor = monitor
        self._step = 0
        self._renewed = 0
        self._average: list | None = None
        self._weights: list | None = None
        self._toward = machine.compiled(_toward)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Go on with the network's own weights."""
        if self._weights is not None:
            self.model.set_weights(self._weights)
            self._weights = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Add the weights to the average."""
        self._step += 1
        span = max(self._span(), 1.0)
        steps = self._step - self._renewed
        # It lags by tens of steps: a sixteenth of them between two updates is no matter.
        if steps < int(span / 16) and self._average is not None:
            return
        self._renewed = self._step
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        weights = self.model.weights
        if self._average is None:
            self._average = [ops.copy(weight) for weight in weights]
            return
        ramp = (1 + self._step) / (10 + self._step)
        new = 1 - min(1 - 1 / span, ramp) ** steps
        self._average = self._toward(self._average, [weight.value for weight in weights], new)

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        average, weights = self._average or [], self._weights or []
        arrays = [ops.convert_to_numpy(array) for array in (*average, *weights)]
        facts = {"step": self._step, "renewed": self._renewed, "averaged": len(average)}
        return facts | {"arrays": arrays}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._step, self._renewed = state["step"], state["renewed"]
        arrays = state.get("arrays", [])
        averaged = state["averaged"]
        self._average = [ops.convert_to_tensor(array) for array in arrays[:averaged]] or None
        self._weights = list(arrays[averaged:]) or None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Validate the average, if the network was; leave the better one in the network."""
        if logs is None or self._monitor not in logs or self._average is None:
            return
        own = self.model.get_weights()
        counted = [ops.copy(variable) for variable in self.model.metrics_variables]
        self.model.set_weights([ops.convert_to_numpy(value) for value in self._average])
        data = self._validation
        pair = data if isinstance(data, tuple) else (data,)
        results = self.model.evaluate(*pair, verbose=0, return_dict=True)
        scores = {f"val_{name}": value for name, value in results.items()}
        found, before = (merit(self._monitor, one[self._monitor]) for one in (scores, logs))
        if found > before:
            logs.update(scores)
            self._weights = own
        else:
            self.model.set_weights(own)
            for variable, value in zip(self.model.metrics_variables, counted, strict=True):
                variable.assign(value)


def _toward(average: Sequence, weights: Sequence, part: Any) -> list:
    """Move an average by a part of what parts it from the weights."""
    return [
        old + ops.cast(part, old.dtype) * (weight - old)
        for old, weight in zip(average, weights, strict=True)
    ]
