"""The end of a training that no longer gets better."""

from typing import Any

import keras

from kseg import _checks
from kseg.callbacks.monitor import Record, monitored


class EarlyStopping(keras.callbacks.Callback):
    """Ends the training when no epoch has been better for a while.

    Unlike the callback of Keras it can go on after a training was broken off, counts epochs that
    were not validated, and takes the direction from the log's name. Put it behind callbacks that
    change the logs, such as `WeightAverage`.

    Args:
        patience: Epochs to wait for a better one.
        monitor: The log to look at, the higher the better, but for one that ends in "loss".

    Attributes:
        ended: Whether it ended the training.

    Raises:
        KsegError: `patience` is below 1.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.0), "mse")  # it learns nothing
        >>> stop = kseg.callbacks.EarlyStopping(patience=2, monitor="loss")
        >>> fit = dict(epochs=9, verbose=0, callbacks=[stop])
        >>> len(model.fit(np.zeros((4, 1)), np.zeros(4), **fit).epoch), stop.ended
        (3, True)
    """

    def __init__(self, patience: int, monitor: str = "val_mean_iou") -> None:
        super().__init__()
        self.ended = False
        self._patience = _checks.positive_int(patience, "patience")
        self._monitor = monitor
        self._record = Record()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """End the training if the best epoch is too long ago."""
        value = monitored(self._monitor, logs)
        if value is None or self._record.is_beaten(epoch + 1, value):
            return
        if epoch + 1 - self._record.epoch >= self._patience:
            self.ended = self.model.stop_training = True

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"ended": self.ended, **self._record.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.ended = state["ended"]
        self._record.set_state(state)
