"""Pruning: a deeply supervised network cut back to one of its heads."""

import keras

from kseg.errors import KsegError
from kseg.models import names


def prune(model: keras.Model, level: int) -> keras.Model:
    """Cut a network of several heads back to one of them; layers that it does not need are gone.

    A U-Net++ of four levels, trained with deep supervision, holds four networks: the head `x0_2`
    answers with two levels, a seventeenth of the parameters, and often nearly the same masks.

    Args:
        model: A `DeeplySupervised` model, or a plain one whose outputs are a dictionary of heads.
        level: The number in the head's name: 2 for `x0_2`, 3 for `decoder_3`.

    Returns:
        A plain `keras.Model` with weights of its own, whose output equals that head's bit for bit.

    Raises:
        KsegError: The model has one head, or none of that level.

    Example:
        >>> model = kseg.build_unetpp((64, 64, 3), 8, filters=(8, 16, 32))
        >>> small = kseg.models.prune(model, 1)
        >>> kseg.measure(model).parameters, kseg.measure(small).parameters
        (32968, 6752)

    References:
        Zhou et al. 2018, https://arxiv.org/abs/1807.10165, Section 3.2 and Figure 3.
    """
    return cut(model, head_of(model, level))


def head_of(model: keras.Model, level: int) -> str:
    """Return the name of the head of a level.

    Raises:
        KsegError: The model has one head, or none of that level.
    """
    heads = levels(model)
    if level not in heads:
        allowed = ", ".join(f"{number} ({name})" for number, name in heads.items())
        raise KsegError(f"level must be one of {allowed}. Received: {level!r}.")
    return heads[level]


def levels(model: keras.Model) -> dict[int, str]:
    """Return the names of a model's heads by the number in them.

    Raises:
        KsegError: The model has one head alone.
    """
    if not isinstance(model.output, dict):
        raise KsegError(
            "Only a network of several heads can be pruned, such as build_unetpp(...) or "
            f"supervise(...). '{model.name}' has one head."
        )
    numbers = {name: names.number(name) for name in model.output}
    return dict(sorted((number, name) for name, number in numbers.items() if number is not None))


def cut(model: keras.Model, name: str) -> keras.Model:
    """Return a plain model of one head, with a copy of the weights."""
    head = keras.Model(model.input, model.output[name], name=model.name)
    copy = keras.models.clone_model(head)
    copy.set_weights(head.get_weights())
    return copy
