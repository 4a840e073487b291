"""Two learning rates in one training: an encoder's own, and that of all else."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops


class TwoRates(keras.optimizers.MultiOptimizer):
    """Moves the variables that are chosen at a part of the rate of all others.

    An encoder that has learned from a million photos needs to change less than a decoder that
    starts from chance. Scaling its gradients would not do: Adam divides them by their own size.

    Args:
        chosen: The optimizer of the variables that are chosen.
        others: The optimizer of all others, made alike; its learning rate is shown as that of both.
        is_chosen: Takes the name of the layer of a functional model that a variable belongs to.
        part: What the rate of the chosen ones is of that of the others, when it is set.
        clip_norm: Longest gradient of a step, all variables taken together; `None` for any. Each
            of the two optimizers knows its own variables alone, and cannot.

    Example:
        >>> slow, fast = keras.optimizers.SGD(0.1), keras.optimizers.SGD(1.0)
        >>> x = keras.Input((1,))
        >>> y = keras.layers.Dense(1, name="logits")(keras.layers.Dense(1, name="stem")(x))
        >>> model = keras.Model(x, y)
        >>> two = kseg.optimizers.TwoRates(slow, fast, lambda layer: layer == "stem", part=0.1)
        >>> two.build(model.trainable_variables)
        >>> two.learning_rate = 0.5
        >>> [round(float(one.learning_rate), 3) for one in (two, *two.optimizers)]
        [0.5, 0.05, 0.5]
    """

    def __init__(
        self,
        chosen: keras.Optimizer,
        others: keras.Optimizer,
        is_chosen: Callable[[str], bool],
        part: float = 1.0,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(
            lambda variable: chosen if is_chosen(variable.path.split("/")[0]) else others
        )
        self._chosen, self._others = chosen, others
        self._part = part
        self._longest = clip_norm

    @property
    def learning_rate(self) -> Any:
        """The rate of all variables but the chosen ones."""
        return self._others.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._others.learning_rate = rate
        self._chosen.learning_rate = self._part * rate

    def apply(self, grads: Sequence, trainable_variables: Sequence | None = None) -> None:
        """Move each variable by its own optimizer."""
        if self._longest is not None:
            squares = [ops.sum(ops.square(ops.cast(grad, "float32"))) for grad in grads]
            length = ops.sqrt(sum(squares))
            shorter = self._longest / ops.maximum(length, self._longest)
            grads = [grad * ops.cast(shorter, grad.dtype) for grad in grads]
        super().apply(grads, trainable_variables)
