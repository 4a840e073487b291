"""Two learning rates in one training: an encoder's own, and that of all else."""

from collections.abc import Callable
from typing import Any

import keras


class TwoRates(keras.optimizers.MultiOptimizer):
    """Moves the variables that are chosen by one optimizer, and all others by another.

    An encoder that has learned from a million photos needs to change less than a decoder that
    starts from chance. Scaling its gradients would not do: Adam divides them by their own size.

    Args:
        chosen: The optimizer of the variables that are chosen.
        others: The optimizer of all others; its learning rate is shown as that of both.
        is_chosen: Takes the name of the layer of a functional model that a variable belongs to.

    Example:
        >>> from kseg.rates import TwoRates
        >>> slow, fast = keras.optimizers.SGD(0.1), keras.optimizers.SGD(1.0)
        >>> x = keras.Input((1,))
        >>> y = keras.layers.Dense(1, name="logits")(keras.layers.Dense(1, name="stem")(x))
        >>> model = keras.Model(x, y)
        >>> optimizer = TwoRates(slow, fast, lambda layer: layer == "stem")
        >>> optimizer.build(model.trainable_variables)
        >>> [float(one.learning_rate) for one in (optimizer, *optimizer.optimizers)]
        [1.0, 0.1..., 1.0]
    """

    def __init__(
        self,
        chosen: keras.Optimizer,
        others: keras.Optimizer,
        is_chosen: Callable[[str], bool],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            lambda variable: chosen if is_chosen(variable.path.split("/")[0]) else others, **kwargs
        )
        self._shown = others

    @property
    def learning_rate(self) -> Any:
        """The rate of all variables but the chosen ones."""
        return self._shown.learning_rate
