"""Names of files and classes as text that can be shown: as they are, and nothing in them acts."""

import unicodedata

ACTING = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, bytes that are no text, and ends of lines."""
DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction in which the text after them is written."""


def printable(text: str) -> str:
    r"""Spell what would act on a terminal, such as colours, line ends and directions, as "\x1b".

    Example:
        >>> from kseg._text import printable
        >>> print(printable("road\n\x1b[31m"))
        road\n\x1b[31m
    """
    return "".join(char.encode("unicode_escape").decode() if _acts(char) else char for char in text)


def _acts(char: str) -> bool:
    return char in DIRECTIONS or unicodedata.category(char) in ACTING
