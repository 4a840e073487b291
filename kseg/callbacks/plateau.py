"""A learning rate that falls when the training no longer gets better."""

from typing import Any

import keras

from kseg import _checks
from kseg.callbacks.monitor import Record, monitored
from kseg.callbacks.rate import LearningRate


class Plateau(keras.callbacks.Callback):
    """Multiplies the learning rate by a factor when no epoch has been better for a while.

    It changes the factor of a `LearningRate`, and so goes together with any schedule and its
    warm-up. After each fall it waits anew. Put it behind callbacks that change the logs.

    Args:
        rate: The callback that sets the rate.
        patience: Epochs to wait for a better one.
        factor: What the rate is multiplied by, in (0, 1).
        monitor: The log to look at, the higher the better, but for one that ends in "loss".

    Raises:
        KsegError: `patience` is below 1, or `factor` outside (0, 1).

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile("sgd", lambda truth, found: found * 0)  # it learns nothing
        >>> rate = kseg.callbacks.LearningRate(lambda step: 1.0, 6, kseg.callbacks.BySteps(6))
        >>> plateau = kseg.callbacks.Plateau(rate, patience=2, factor=0.5, monitor="loss")
        >>> fit = dict(epochs=6, verbose=0, callbacks=[rate, plateau])
        >>> model.fit(np.zeros((4, 1)), np.zeros(4), **fit).history["learning_rate"]
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        rate: LearningRate,
        patience: int = 5,
        factor: float = 0.1,
        monitor: str = "val_mean_iou",
    ) -> None:
        super().__init__()
        self._rate = rate
        self._patience = _checks.positive_int(patience, "patience")
        self._factor = _checks.share(factor, "factor")
        self._monitor = monitor
        self._record = Record()
        self._since = 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Let the rate fall if the best epoch, and the last fall, are too long ago."""
        value = monitored(self._monitor, logs)
        if value is None:
            return
        if self._record.is_beaten(epoch + 1, value):
            self._since = epoch + 1
        elif epoch + 1 - self._since >= self._patience:
            self._rate.factor *= self._factor
            self._since = epoch + 1

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"since": self._since, **self._record.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._since = state["since"]
        self._record.set_state(state)
