"""Sections of a recipe: read from text, Python and YAML alike, and refused with the field named."""

from typing import Annotated, ClassVar, Literal

import pytest

from kseg._settings import Listed, Section, Side, Size, Weight, setting, validated, word_of
from kseg.errors import KsegError


class Inner(Section):
    shorthand: ClassVar[str] = "kind"
    hint: ClassVar[str] = "Ask your doctor."

    kind: Literal["plain", "fancy"] = setting("plain", "Kind", word="inner")
    size: Size | None = setting(None, "Size")
    numbers: Annotated[Literal["own"] | tuple[Weight, ...], Listed] = setting("own", "Numbers")


class Outer(Section):
    inner: Inner = Inner()
    width: Side = setting(8, "Width")


@pytest.mark.parametrize(
    ("size", "expected"),
    [("256", (256, 256)), ("32x64", (32, 64)), (16, (16, 16)), ([8, 4], (8, 4)), (None, None)],
)
def test_sizes_are_read_from_any_form(size, expected):
    assert validated(Inner, {"size": size}).size == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [("1, 2.5", (1, 2.5)), ("[1, 0]", (1, 0)), ([3], (3,)), ("own", "own")],
)
def test_lists_are_read_from_any_form(numbers, expected):
    assert validated(Inner, {"numbers": numbers}).numbers == expected


def test_a_plain_value_stands_for_the_shorthand():
    assert validated(Outer, {"inner": "fancy"}).inner.kind == "fancy"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"width": 0}, r"^width: .*greater than or equal to 1.*Received: 0\.$"),
        ({"widht": 3}, r"^widht: unknown\. Did you mean 'width'\?"),
        ({"inner": {"sise": 1}}, r"^inner\.sise: unknown\. Did you mean 'size'\?.*Ask your doctor"),
        ({"inner": {"size": "1x2x3"}}, r"^inner\.size: expected 256, or 256x320.*1x2x3\.$"),
        ({"inner": {"numbers": "1,-2"}}, r"^inner\.numbers: .*Received"),
        ({"inner": "lancy"}, r"^inner\.kind: .*'plain' or 'fancy'"),
        ({"width": "x" * 10**6}, r"^width: .{20,300}$"),
    ],
)
def test_faults_are_named_by_their_path(fields, expected):
    with pytest.raises(KsegError, match=expected):
        validated(Outer, fields)


def test_a_field_has_a_word():
    fields = Inner.model_fields
    assert [word_of(name, field) for name, field in fields.items()] == ["inner", "size", "numbers"]


def test_a_section_does_not_change():
    inner = Inner()
    with pytest.raises(ValueError, match="frozen"):
        inner.kind = "fancy"
