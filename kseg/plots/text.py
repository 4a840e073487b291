"""Names in pictures."""

from kseg._text import printable


def letters(name: str) -> str:
    r"""Return a name for Matplotlib to draw letter by letter: no formula between two dollars.

    Example:
        >>> from kseg.plots.text import letters
        >>> print(letters("$a_1$"))
        \$a_1\$
    """
    return printable(name).replace("$", r"\$")
