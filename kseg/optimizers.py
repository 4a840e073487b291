"""Optimizers by name, and the recipe's section on them; Keras is imported when one is made."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from kseg import _checks
from kseg._settings import Section, Weight, setting
from kseg.errors import KsegError

if TYPE_CHECKING:
    import keras

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
"""Names of classes of `keras.optimizers`."""

MOMENTUM = 0.9

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Optimizer(Section):
    """What moves the weights."""

    shorthand: ClassVar[str] = "name"

    name: str = setting("adamw", f"Optimizer: {', '.join(OPTIMIZERS)}", word="optimizer")
    learning_rate: Rate | None = setting(None, "Peak learning rate")
    encoder_rate: Annotated[float, Field(gt=0, le=1)] | None = setting(
        None, "Part of the rate at which an encoder of ImageNet weights learns; 1 for all of it"
    )
    weight_decay: Weight = setting(
        1e-2, "Part of each weight that is taken away per step, times the learning rate"
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = setting(
        MOMENTUM, "Momentum of sgd", is_option=False
    )

    @model_validator(mode="after")
    def _momentum_is_used(self) -> "Optimizer":
        if self.name != "sgd" and self.momentum != MOMENTUM:
            raise KsegError(f"momentum is for sgd, not for {self.name}. Received: {self.momentum}.")
        return self

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, name: str) -> str:
        return _checks.one_of(name, OPTIMIZERS, "optimizer")


def make_optimizer(
    settings: Optimizer, rate: "float | keras.optimizers.schedules.LearningRateSchedule"
) -> "keras.optimizers.Optimizer":
    """Make the optimizer of a recipe.

    Args:
        settings: The recipe's section. The decay is decoupled from the gradient in each of them
            (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101).
        rate: Learning rate, or a schedule of it.
    """
    import keras

    own = {"momentum": settings.momentum} if settings.name == "sgd" else {}
    kind = getattr(keras.optimizers, OPTIMIZERS[settings.name])
    return kind(rate, weight_decay=settings.weight_decay, **own)
