"""Choices with options as text, in Python's own grammar: "residual(dropout=0.1)", "ce + 0.5*dice".

A recipe names what it takes from literal tables, and never holds an import path. Nothing is
evaluated: the text is parsed, and only names, numbers, words and lists of them are understood.
"""

import ast
import importlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kseg import _checks
from kseg.errors import KsegError

WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Call:
    """A name and the options it is called with, such as `residual` and `{"dropout": 0.1}`."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


def read(text: str, table: Collection[str], what: str) -> Call:
    """Read one name of a table, with options or without.

    Args:
        text: Such as "residual" or "residual(dropout=0.1, activation=gelu)".
        table: The names that are known.
        what: What they name, for messages, such as "block".

    Raises:
        KsegError: The text is not of this form, or the name is unknown.
    """
    return _call(_parsed(text, what).body, text, table, what)


def read_sum(text: str, table: Collection[str], what: str) -> tuple[tuple[Call, float], ...]:
    """Read a weighted sum of such names: the calls, and their weights above 0.

    Raises:
        KsegError: A term cannot be read, or a weight is no number above 0.
    """
    return tuple(_terms(_parsed(text, what).body, text, table, what))


def function(
    call: Call,
    table: Mapping[str, str],
    what: str,
    *,
    needs: Collection[str] = (),
    given: Collection[str] = (),
) -> Callable:
    """Import what a table holds under a name, and bind the options to it.

    Args:
        call: As `read` gives it.
        table: By name, module and function, such as "kseg.blocks.convolutions:residual".
        what: What the names name, for messages.
        needs: Arguments without a default that the options must give, such as `filters`.
        given: Arguments that the caller gives, and so are no options, such as a layer's name.

    Returns:
        The function itself, or a `functools.partial` of it.

    Raises:
        KsegError: It has no such option, and the message suggests the nearest; or lacks one.
    """
    module, name = table[call.name].split(":")
    found = getattr(importlib.import_module(module), name)
    known = [*needs, *(name for name in _options(found) if name not in given)]
    for option in call.options:
        _checks.one_of(option, known, f"option of the {what} {call.name}")
    for option in needs:
        if option not in call.options:
            raise KsegError(
                f"The {what} {call.name} needs {option}, as in {call.name}({option}=3)."
            )
    return partial(found, **call.options) if call.options else found


def _options(found: Callable) -> Iterator[str]:
    """Yield the arguments of a function that need not be given."""
    for parameter in inspect.signature(found).parameters.values():
        if parameter.kind == parameter.KEYWORD_ONLY or parameter.default is not parameter.empty:
            yield parameter.name


def _parsed(text: str, what: str) -> ast.Expression:
    try:
        return ast.parse(str(text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _wrong(text, what) from None


def _terms(node: ast.expr, text: str, table: Collection[str], what: str) -> list:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _terms(node.left, text, table, what) + _terms(node.right, text, table, what)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        try:
            weight = _checks.above(_value(node.left, text, what), 0, "weight")
        except KsegError:
            raise KsegError(
                f"A weight of a {what} must be a number above 0, as in 0.5*NAME. Received: "
                f"'{text}'."
            ) from None
        return [(_call(node.right, text, table, what), weight)]
    return [(_call(node, text, table, what), 1.0)]


def _call(node: ast.expr, text: str, table: Collection[str], what: str) -> Call:
    named, given = (node.func, node.keywords) if isinstance(node, ast.Call) else (node, [])
    is_plain = not isinstance(node, ast.Call) or not node.args
    if not isinstance(named, ast.Name) or not is_plain or any(k.arg is None for k in given):
        raise _wrong(text, what)
    name = _checks.one_of(named.id, table, what)
    return Call(name, {k.arg: _value(k.value, text, what) for k in given if k.arg})


def _value(node: ast.expr, text: str, what: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
        return node.value
    if isinstance(node, ast.Name):
        return WORDS.get(node.id.lower(), node.id)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(item, text, what) for item in node.elts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand, text, what)
        if isinstance(number, int | float):
            return -number
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # 4/3
        over, under = _value(node.left, text, what), _value(node.right, text, what)
        if isinstance(over, int | float) and isinstance(under, int | float) and under:
            return over / under
    raise _wrong(text, what)


def _wrong(text: str, what: str) -> KsegError:
    return KsegError(
        f"A {what} is a name, with options in parentheses where it needs any, such as "
        f"NAME(option=0.1, other=word). Received: '{text}'."
    )
