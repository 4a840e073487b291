"""The recipe's section on what moves the weights."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from kseg import _calls
from kseg._settings import Section, Side, Weight, setting

OPTIMIZERS = {
    "adam": "keras.optimizers:Adam",
    "adamw": "keras.optimizers:AdamW",
    "lion": "keras.optimizers:Lion",
    "muon": "kseg.optimizers.muon:Muon",
    "rmsprop": "keras.optimizers:RMSprop",
    "sgd": "keras.optimizers:SGD",
}

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Optimizer(Section):
    """What moves the weights.

    Attributes:
        name: One of `OPTIMIZERS`, with options in parentheses.
        learning_rate: Peak learning rate.
        encoder_rate: Part of it at which an encoder of ImageNet weights learns.
        weight_decay: Decoupled decay per step, times the learning rate.
        l2: L2 penalty: half of it times the square of each weight is added to the loss.
        clip_norm: Longest gradient, all weights taken together.
        clip_value: Largest entry of a gradient.
        accumulate: Steps whose gradients are averaged before the weights move.

    Example:
        >>> kseg.optimizers.Optimizer(name="sgd(momentum=0.95)", clip_norm=1).weight_decay
        0.01
    """

    shorthand: ClassVar[str] = "name"
    hint: ClassVar[str] = (
        "An option of an optimizer stands in parentheses behind its name: "
        "optimizer.name=sgd(nesterov=true)."
    )

    name: str = setting(
        "muon",
        f"Optimizer: {', '.join(OPTIMIZERS)}; with options such as "
        "sgd(momentum=0.9, nesterov=true)",
        word="optimizer",
    )
    learning_rate: Rate | None = setting(None, "Peak learning rate")
    encoder_rate: Annotated[float, Field(gt=0, le=1)] | None = setting(
        None, "Part of the rate at which an encoder of ImageNet weights learns; 1 for all of it"
    )
    weight_decay: Weight = setting(
        1e-2,
        "Part of each weight that is taken away per step, times the learning rate; not of biases "
        "and normalisations",
    )
    l2: Weight = setting(
        0.0,
        "L2 penalty: this times half the square of each weight is added to the loss, whose "
        "gradient the optimizer scales as all else; not of biases and normalisations",
        is_option=False,
    )
    clip_norm: Rate | None = setting(
        None, "Longest gradient, all weights taken together; a longer one is shortened to it"
    )
    clip_value: Rate | None = setting(
        None, "Largest entry of a gradient; a larger one is cut to it", is_option=False
    )
    accumulate: Side = setting(
        1, "Steps whose gradients are averaged before the weights move, as in a larger batch"
    )

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, text: str) -> str:
        _calls.read(text, OPTIMIZERS, "optimizer")
        return text
