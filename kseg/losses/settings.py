"""The recipe's section on the loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import field_validator

from kseg._settings import Listed, Section, Weight, expecting, setting
from kseg.losses.catalog import LOSSES, parse

Weighting = Literal["none", "median", "enet", "inverse", "effective"]
Weights = Annotated[
    Weighting | tuple[Weight, ...],
    Listed,
    expecting(
        "'none', 'median', 'enet', 'inverse', 'effective', or one number of at least 0 per class, "
        "such as 1,2.5"
    ),
]


class Loss(Section):
    """What a training makes small."""

    shorthand: ClassVar[str] = "terms"
    hint: ClassVar[str] = (
        "An option of a loss stands in parentheses behind its name: loss.terms=focal(gamma=3)."
    )

    terms: str = setting(
        "ce",
        f"Loss, or a sum such as ce+0.5*dice, of {', '.join(LOSSES)}; options in parentheses, such "
        "as 'focal(gamma=3) + dice(over=image)'",
        word="loss",
    )
    class_weights: Weights | None = setting(
        None,
        "Weights of the classes in the loss: none; median, enet, inverse or effective (from the "
        "training masks; kseg data stats shows them); or one number per class. Left open: enet for "
        "ce, focal and topk where a class has under 1 % of the pixels, else none",
    )

    @field_validator("terms")
    @classmethod
    def _loss_is_known(cls, text: str) -> str:
        parse(text)
        return text
