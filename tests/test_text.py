"""Names are shown as they are, and nothing in them acts."""

import pytest

from kseg._text import printable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("road", "road"),
        ("Straße 道路 🚲 [red] $x$", "Straße 道路 🚲 [red] $x$"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\r\tc\x7f\x9b", r"a\nb\r\tc\x7f\x9b"),
        ("a\u202eb\u2028", r"a\u202eb\u2028"),
        ("a\udcffb", r"a\udcffb"),
    ],
)
def test_what_would_act_is_spelled(name, expected):
    assert printable(name) == expected
