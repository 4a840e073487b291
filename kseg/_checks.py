"""Argument checks: the one place that phrases input errors.

Each check returns the value it was given, so that it can stand inside an expression, and raises a
`ValueError` that says what was expected, what was received and how to mend it.
"""

import difflib
import math
import numbers
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from kseg.errors import ArgumentError, KsegError

# Options of functions such as blocks: whole numbers, yes or no, and words.
_WHOLE = (
    "depth",
    "dilation",
    "filters",
    "kernel_size",
    "output_stride",
    "steps",
    "strides",
    "width",
)
_FLAGS = ("normalized", "project", "use_bias")
_WORDS = {
    "activation": (
        "elu",
        "gelu",
        "hard_sigmoid",
        "hard_silu",
        "leaky_relu",
        "linear",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "swish",
        "tanh",
    ),
    "interpolation": ("bilinear", "nearest"),
    "normalization": ("batch", "group", "layer"),
}


def figure_file(path: str | Path, name: str) -> Path:
    """Return the path of a picture to write, if its ending names a format that figures have.

    Args:
        path: The path.
        name: The argument that gives it.

    Raises:
        ArgumentError: It does not.
    """
    found = Path(path)
    if found.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ArgumentError(f"{name}= must end in .png, .svg or .pdf. Received: '{path}'.")
    return found


def one_of(value: str, choices: Collection[str], what: str) -> str:
    """Return `value` if it is one of `choices`; suggest the nearest one otherwise."""
    if value in choices:
        return value
    near = nearest(str(value), choices)
    hint = f" Did you mean '{near}'?" if near else ""
    known = ", ".join(sorted(choices)) or "none"
    raise KsegError(f"Unknown {what} '{value}'.{hint} Known: {known}.")


def nearest(value: str, choices: Collection[str]) -> str | None:
    """Return the choice that is most likely meant: by its initials (lr), or by its letters."""
    for choice in choices:
        if value.lower() == "".join(part[0] for part in re.split("[-_]", choice) if part):
            return choice
    near = difflib.get_close_matches(value, choices, n=1, cutoff=0.4)
    return near[0] if near else None


def positive_int(value: int, what: str) -> int:
    """Return `value` as an int if it is a whole number of at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise KsegError(f"{what} must be a whole number of at least 1. Received: {value!r}.")
    return int(value)


def widths(
    values: Sequence,
    what: str,
    *,
    at_least: int = 1,
    at_most: int | None = None,
    nested: bool = False,
) -> tuple:
    """Return `values` as a tuple of widths: whole numbers, or tuples of them where `nested`."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise KsegError(
            f"{what} must be a sequence of channel counts such as (64, 128, 256). "
            f"Received: {values!r}."
        )
    if len(values) < at_least:
        raise KsegError(
            f"{what} needs at least {at_least} entries, one per level. Received: {tuple(values)!r}."
        )
    if at_most is not None and len(values) > at_most:
        raise KsegError(
            f"{what} must have at most {at_most} entries, one per level. "
            f"Received: {tuple(values)!r}."
        )
    return tuple(
        widths(value, what) if nested and isinstance(value, Sequence) else positive_int(value, what)
        for value in values
    )


def pairs(values: Sequence, what: str, length: int) -> tuple:
    """Return `values` as `length` pairs of widths."""
    values = widths(values, what, nested=True)
    if len(values) != length or any(isinstance(pair, int) or len(pair) != 2 for pair in values):
        raise KsegError(
            f"{what} must be {length} pairs of channel counts such as (32, 64). "
            f"Received: {values!r}."
        )
    return values


def image_shape(shape: Sequence, what: str = "input_shape") -> tuple:
    """Return `shape` as `(height, width, channels)`; height and width may be `None`."""
    expected = (
        f"{what} must be (height, width, channels), such as (256, 256, 3), "
        f"or (None, None, 3) for images of any size. Received: {shape!r}."
    )
    if isinstance(shape, str) or not isinstance(shape, Sequence) or len(shape) != 3:
        raise KsegError(expected)
    height, width, channels = shape
    for value in (height, width):
        if value is not None and (not isinstance(value, numbers.Integral) or value < 1):
            raise KsegError(expected)
    if not isinstance(channels, numbers.Integral) or channels < 1:
        raise KsegError(expected)
    return (height, width, int(channels))


def fits(shape: Sequence[int | None], expected: Sequence[int | None]) -> bool:
    """Tell whether a shape can be the expected one; `None` stands for any size."""
    return len(shape) == len(expected) and all(
        side == other or None in (side, other) for side, other in zip(shape, expected, strict=True)
    )


def same_length(values: Sequence, others: Sequence, what: str, other: str) -> None:
    """Refuse `values` that do not hold as many entries as `others`."""
    if len(values) != len(others):
        raise KsegError(
            f"{what} must have as many entries as {other}: {len(others)}. "
            f"Received {len(values)}: {tuple(values)!r}."
        )


def class_weights(values: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return `values` as a tuple of weights, at least 0 and not all 0; `None` stays `None`."""
    return None if values is None else weights(values, "class_weights", "class")


def weights(values: Sequence[float], what: str, each: str) -> tuple[float, ...]:
    """Return `values` as a tuple of finite numbers of at least 0, not all 0."""
    expected = f"{what} must be finite numbers of at least 0, one per {each}, and not all 0."
    try:
        numbers_ = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise KsegError(f"{expected} Received: {values!r}.") from None
    if not all(0 <= number < math.inf for number in numbers_) or not any(numbers_):
        raise KsegError(f"{expected} Received: {numbers_}.")
    return numbers_


def network(input_shape: Sequence, num_classes: int, activation: str | None) -> None:
    """Refuse what no builder can make a network of."""
    image_shape(input_shape)
    positive_int(num_classes, "num_classes")
    one_of(activation or "none", ("auto", "none", "softmax", "sigmoid"), "activation")
    if num_classes == 1 and activation == "softmax":
        raise KsegError(
            "activation must be 'auto' or 'sigmoid' where num_classes is 1: the softmax of one "
            "number is always 1. Received: 'softmax'."
        )
    if num_classes > 1 and activation == "sigmoid":
        raise KsegError(
            f"activation must be 'auto' or 'softmax' where num_classes is {num_classes}: a pixel "
            "bears one class, and the losses take probabilities that sum to 1. Received: 'sigmoid'."
        )


def count(value: int, most: int, what: str) -> int:
    """Return `value` as an int if it is a whole number from 1 to `most`."""
    if positive_int(value, what) > most:
        raise KsegError(f"{what} must be from 1 to {most}. Received: {value}.")
    return int(value)


def number_of(value: int, choices: Sequence[int], what: str) -> int:
    """Return `value` if it is one of a few numbers."""
    if value not in choices:
        raise KsegError(f"{what} must be one of {', '.join(map(str, choices))}. Received: {value}.")
    return value


def part(value: float, what: str) -> float:
    """Return `value` if it is a number in [0, 1)."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1:
        raise KsegError(f"{what} must be a number in [0, 1). Received: {value!r}.")
    return float(value)


def functions(**arguments: object) -> None:
    """Refuse an argument that cannot be called, or a `partial` of it whose options cannot be."""
    for name, value in arguments.items():
        if not callable(value):
            raise KsegError(
                f"{name} must be a function, such as one of kseg.blocks. Received: {value!r}."
            )
        for option, chosen in getattr(value, "keywords", {}).items():
            _option(option, chosen, f"{option} of {name}")


def _option(option: str, chosen: Any, what: str) -> None:
    """Refuse an option's value that no block could be built with."""
    if option == "dropout":
        for rate in chosen if isinstance(chosen, tuple | list) else (chosen,):
            part(rate, what)
    elif chosen is None:
        return
    elif option in _WHOLE:
        many = isinstance(chosen, tuple | list)
        widths(chosen, what) if many and option == "filters" else positive_int(chosen, what)
    elif option in _FLAGS and not isinstance(chosen, bool):
        raise KsegError(f"{what} must be true or false. Received: {chosen!r}.")
    elif option in _WORDS and not callable(chosen):
        one_of(chosen, _WORDS[option], what)


def index_or_none(value: int | None, what: str) -> int | None:
    """Return `value` if it is a whole number or `None`."""
    if value is None:
        return None
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise KsegError(f"{what} must be a whole number, or None for none. Received: {value!r}.")
    return int(value)


def outside(ignore_class: int | None, classes: int) -> None:
    """Refuse a void index that is a class."""
    if ignore_class is not None and 0 <= ignore_class < classes:
        raise KsegError(
            f"ignore_class must lie outside the classes 0 to {classes - 1}. Received: "
            f"{ignore_class}. Mark void pixels by another index, such as 255; to train without a "
            "class, give it the class weight 0."
        )


def at_least(value: float, least: float, what: str) -> float:
    """Return `value` if it is a finite number of at least `least`."""
    if not isinstance(value, numbers.Real) or not least <= value < math.inf:
        raise KsegError(f"{what} must be a number of at least {least:g}. Received: {value!r}.")
    return float(value)


def above(value: float, least: float, what: str) -> float:
    """Return `value` if it is a finite number above `least`."""
    if not isinstance(value, numbers.Real) or not least < value < math.inf:
        raise KsegError(f"{what} must be a number above {least:g}. Received: {value!r}.")
    return float(value)


def share(value: float, what: str) -> float:
    """Return `value` if it is a number in (0, 1]."""
    if not isinstance(value, numbers.Real) or not 0 < value <= 1:
        raise KsegError(f"{what} must be a number above 0, up to 1. Received: {value!r}.")
    return float(value)


def way_to_split(value: str) -> str:
    """Return "random", "classes", or "group:" and a regular expression."""
    how, colon, pattern = value.partition(":")
    if how != "group":
        return one_of(value, ("random", "classes", "group:PATTERN"), "way to split")
    try:
        re.compile(pattern)
    except re.error as error:
        raise KsegError(f"'{pattern}' is no regular expression: {error}.") from None
    if not pattern:
        raise KsegError(
            "group: needs a regular expression that finds in a name what must stay together, such "
            "as group:^(.*)_ for everything up to the last underscore. Received none."
        )
    return value


def classes(value: str | Sequence[int]) -> str | tuple[int, ...]:
    """Return "present", "all", or indices of classes as a tuple."""
    if isinstance(value, str) and value in ("present", "all"):
        return value
    is_list = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    if not is_list or not all(
        isinstance(index, numbers.Integral) and not isinstance(index, bool) and index >= 0
        for index in value
    ):
        raise KsegError(
            "classes must be 'present', 'all', or indices of classes such as (1, 2). "
            f"Received: {value!r}."
        )
    return tuple(int(index) for index in value)
