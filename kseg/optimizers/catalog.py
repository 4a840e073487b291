"""Optimizers by name, with what a recipe says of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from kseg import _calls
from kseg.errors import KsegError
from kseg.optimizers.settings import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

DEFAULTS = {"sgd": {"momentum": 0.9}}
"""Options that an optimizer has here where nothing is said."""
SHARED = (
    "learning_rate",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
    "name",
)
"""Arguments of every optimizer of Keras that no text sets."""


def make_optimizer(settings: Optimizer, rate: "float | LearningRateSchedule") -> keras.Optimizer:
    """Make the optimizer of a recipe.

    Args:
        settings: The recipe's section. The decay is decoupled from the gradient in each of them
            (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101); the L2 penalty is not
            the optimizer's, see `penalise`.
        rate: Learning rate, or a schedule of it.

    Raises:
        KsegError: The optimizer has no such option, or one is out of its range.

    Example:
        >>> settings = kseg.optimizers.Optimizer(name="sgd(nesterov=true)", clip_norm=1)
        >>> optimizer = kseg.optimizers.make_optimizer(settings, 0.1)
        >>> optimizer.momentum, optimizer.nesterov, optimizer.global_clipnorm
        (0.9, True, 1.0)
    """
    call = _calls.read(settings.name, OPTIMIZERS, "optimizer")
    make = _calls.function(call, OPTIMIZERS, "optimizer", given=SHARED)
    own: dict[str, Any] = DEFAULTS.get(call.name, {}) | call.options
    own = {name: float(value) if type(value) is int else value for name, value in own.items()}
    steps = settings.accumulate
    try:
        return make(
            learning_rate=rate,
            weight_decay=settings.weight_decay,
            global_clipnorm=settings.clip_norm,
            clipvalue=settings.clip_value,
            gradient_accumulation_steps=steps if steps > 1 else None,
            **own,
        )
    except (ValueError, TypeError) as error:
        raise KsegError(f"optimizer={settings.name!r}: {str(error).splitlines()[0]}") from None


def decaying(variables: Sequence[keras.Variable]) -> list[keras.Variable]:
    """Return the variables that a decay or a penalty is for: neither biases nor normalisations."""
    return [variable for variable in variables if len(variable.shape) > 1]


def spare(optimizer: keras.Optimizer, variables: Sequence[keras.Variable]) -> None:
    """Keep the decay of an optimizer, not built yet, off biases and normalisations."""
    decayed = {id(variable) for variable in decaying(variables)}
    optimizer.exclude_from_weight_decay(
        [variable for variable in variables if id(variable) not in decayed]
    )


def penalise(variables: Sequence[keras.Variable], l2: float) -> None:
    """Add `l2 / 2` times the square of each weight to the loss of its model: a gradient of `l2 w`.

    Args:
        variables: Those of a model; biases and normalisations are left out.
        l2: The factor, what PyTorch's optimizers call `weight_decay`.
    """
    for variable in decaying(variables):
        variable.regularizer = keras.regularizers.L2(l2 / 2)
