"""Options made from the fields of a recipe: what a section says of a field is said once."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, get_args, get_origin

import click
import yaml
from pydantic.fields import FieldInfo

from kseg._settings import Size, is_option, validated
from kseg.errors import KsegError
from kseg.runs.recipe import SECTIONS, WORDS, Recipe, fields


def recipe_options(paths: Collection[str] | None = None) -> Callable:
    """Return a decorator that adds an option per field of a recipe, and `--set` for all.

    Args:
        paths: The fields; by default all that have an option.
    """
    known = fields()
    words = {path: word for word, path in WORDS.items()}
    chosen = paths or [path for path, field in known.items() if is_option(field)]

    def decorate(command: Callable) -> Callable:
        command = _set_option(command)
        for path in reversed(list(chosen)):
            command = _option(path, words[path], known[path])(command)
        return command

    return decorate


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as `kseg.train` takes them."""
    return {word: value for word, value in values.items() if value is not None}


def _option(path: str, word: str, field: FieldInfo) -> Callable:
    """Make the option of one field."""
    flag = f"--{word.replace('_', '-')}"
    text = f"{field.description}."
    if field.annotation is bool:
        return click.option(flag, is_flag=True, default=None, help=text)
    shown = _shown(field.default)
    return click.option(
        flag,
        **_kind(field),
        callback=_checked(path),
        help=f"{text}  [default: {shown}]" if shown else text,
    )


def _kind(field: FieldInfo) -> dict[str, Any]:
    """Return type, number and metavar of an option by the annotation of its field."""
    choices = [kind for kind in _members(field.annotation) if kind is not type(None)]
    if all(get_origin(kind) is Literal for kind in choices):
        words = [word for kind in choices for word in get_args(kind)]
        return {"type": click.Choice(words)}
    names = {int: "INTEGER", float: "FLOAT"}
    if len(choices) == 1 and choices[0] in names:
        return {"metavar": names[choices[0]]}
    is_pair = get_origin(choices[0]) is tuple and len(get_args(choices[0])) == 2
    if len(choices) == 1 and is_pair and Ellipsis not in get_args(choices[0]):
        if _unannotated(Size) == _unannotated(choices[0]):
            return {"metavar": "HxW"}
        return {"type": float, "nargs": 2, "metavar": "LOW HIGH"}
    return {"metavar": "TEXT" if choices == [str] else "VALUE"}


def _members(annotation: Any) -> list[Any]:
    """Return the kinds of a union, the marks on them taken away."""
    annotation = _unannotated(annotation)
    arguments = get_args(annotation)
    is_union = bool(arguments) and get_origin(annotation) not in (Literal, tuple, dict)
    return [part for one in arguments for part in _members(one)] if is_union else [annotation]


def _unannotated(annotation: Any) -> Any:
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _checked(path: str) -> Callable:
    """Return a click callback that reads a value as the field does, and refuses what it refuses."""
    section, _, name = path.rpartition(".")
    kind = SECTIONS.get(section, Recipe)

    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is None:
            return None
        try:
            return getattr(validated(kind, {name: value}), name)
        except KsegError as error:
            raise click.BadParameter(str(error).removeprefix(f"{name}: ")) from None

    return check


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def _set_option(command: Callable) -> Callable:
    return click.option(
        "--set",
        "set",
        metavar="FIELD=VALUE",
        multiple=True,
        callback=_read_settings,
        help="Any field of the recipe by its path, such as --set schedule.warmup=0.2; "
        "kseg recipe show lists them.",
    )(command)


def _read_settings(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Read `section.field=value`, the value as YAML spells it."""
    found = {}
    for text in values:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise click.BadParameter(
                f"expected FIELD=VALUE, such as loop.epochs=5. Received: {text}"
            )
        try:
            found[path.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            found[path.strip()] = value
    return found
