"""Tables and pictures as HTML, for notebooks and pages."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

from PIL import Image

from kseg._text import printable


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what stands in it is text, whatever it looks like."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(printable(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def line(text: str) -> str:
    """Return a paragraph of text."""
    return f"<p>{escape(printable(text))}</p>"


def picture(address: str, title: str) -> str:
    """Return a picture that is no wider than the page."""
    return f'<img src="{address}" alt="{escape(title)}" style="max-width: 100%">'


def address(image: Image.Image, kind: str, **how: object) -> str:
    """Return an image as an address that holds all of it, in a format such as "png"."""
    content = io.BytesIO()
    image.save(content, format=kind.upper(), **how)
    return address_of(content.getvalue(), kind)


def address_of(content: bytes, kind: str) -> str:
    """Return the bytes of an image file as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
