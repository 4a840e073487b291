"""Sections of a recipe: small models of pydantic, each beside the code that it configures.

A field says once what it is: its type, its default, a sentence for people, and whether the command
line has a plain option for it. `None` leaves it to kseg, which fills it for machine and data.
"""

import reprlib
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.fields import FieldInfo

from kseg import _checks
from kseg.errors import KsegError

Kind = TypeVar("Kind", bound=BaseModel)

SHORT = reprlib.Repr()
SHORT.maxstring, SHORT.maxother, SHORT.maxlevel = 80, 80, 2
"""Spells what was received: of anything long or deep, its beginning."""


class Section(BaseModel):
    """A part of a recipe; a plain value in its place stands for the field named `shorthand`.

    `hint` is said where a field is unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    shorthand: ClassVar[str | None] = None
    hint: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if value is None:  # a section that a file names and leaves empty
            return {}
        if cls.shorthand is None or isinstance(value, dict | BaseModel):
            return value
        return {cls.shorthand: value}


def setting(
    default: Any, text: str, *, word: str | None = None, is_option: bool = True, **limits: Any
) -> Any:
    """Declare a field of a section.

    Args:
        default: Its value where nothing is given; `None` leaves it to kseg.
        text: What it is, for the help and for the documentation; no full stop at its end.
        word: Its name in `kseg.train` and as an option, where that is not the field's own.
        is_option: Whether the command line has a plain option for it; `--set` sets every field.
        **limits: Bounds, such as `ge=1`, as pydantic's `Field` takes them.
    """
    return Field(
        default,
        description=text,
        json_schema_extra={"word": word, "is_option": is_option},
        **limits,
    )


def word_of(name: str, field: FieldInfo) -> str:
    """Return a field's name in `kseg.train` and on the command line."""
    extra = field.json_schema_extra
    word = extra.get("word") if isinstance(extra, dict) else None
    return word if isinstance(word, str) else name


def is_option(field: FieldInfo) -> bool:
    """Tell whether a field has a plain option on the command line."""
    extra = field.json_schema_extra
    return bool(isinstance(extra, dict) and extra.get("is_option"))


def validated(kind: type[Kind], fields: Any) -> Kind:
    """Make a section or a recipe of fields.

    Raises:
        KsegError: A field is unknown or out of its range; the message names each by its path, and
            suggests the nearest for an unknown one.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise KsegError(" ".join(dict.fromkeys(_explained(kind, error)))) from None


def _explained(kind: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        path = [str(part) for part in fault["loc"]]
        if fault["type"] == "extra_forbidden":
            yield _unknown(kind, path)
            continue
        own = fault.get("ctx", {}).get("error")
        text = str(own) if isinstance(own, ValueError) else f"{fault['msg']}."
        named = ".".join(_fields_of(kind, path))
        received = "" if isinstance(own, KsegError) else f" Received: {SHORT.repr(fault['input'])}."
        yield f"{named}: {text}{received}" if named else f"{text}{received}"


def _unknown(kind: type[BaseModel], path: list[str]) -> str:
    """Say that there is no such field, and which may be meant."""
    owner: Any = kind
    for name in path[:-1]:
        owner = owner.model_fields[name].annotation
    near = _checks.nearest(path[-1], list(owner.model_fields))
    meant = f" Did you mean '{near}'?" if near else ""
    known = ", ".join(sorted(owner.model_fields))
    return f"{'.'.join(path)}: unknown.{meant} Known: {known}. {owner.hint}".rstrip()


def _fields_of(kind: type[BaseModel], path: list[str]) -> list[str]:
    """Return the leading parts of a fault's place that are fields, not members of a union."""
    named: list[str] = []
    owner: Any = kind
    for part in path:
        fields = getattr(owner, "model_fields", {})
        if part not in fields:
            break
        named.append(part)
        owner = fields[part].annotation
    return named


def read_size(value: Any) -> Any:
    """Read 256, "256" or "256x320" as `(height, width)`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    if not isinstance(value, str):
        return value
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(s.isascii() and s.isdigit() and int(s) > 0 for s in sides):
        raise KsegError(f"expected 256, or 256x320 for height x width. Received: {value}.")
    return int(sides[0]), int(sides[-1])


def read_list(value: Any) -> Any:
    """Read a text such as "1, 2.5" or "[16, [32, 32]]" as a list; leave anything else."""
    if not isinstance(value, str) or not any(mark in value for mark in ",["):
        return value
    try:
        return yaml.safe_load(value if value.lstrip().startswith("[") else f"[{value}]")
    except yaml.YAMLError:
        raise KsegError(f"expected a list such as 1, 2.5, 4. Received: {value}.") from None


def expecting(text: str) -> WrapValidator:
    """Say in one sentence what a field of several types takes, where a value fits none of them.

    Args:
        text: Such as "own, or a whole number of at least 1".
    """

    def validate(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise KsegError(f"expected {text}. Received: {SHORT.repr(value)}.") from None

    return WrapValidator(validate)


Side = Annotated[int, Field(ge=1, le=1_000_000)]
Size = Annotated[tuple[Side, Side], BeforeValidator(read_size)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Listed = BeforeValidator(read_list)
