"""Pictures as text inside a page of HTML: nothing lies beside it, nothing is fetched."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from kseg._html import address
from kseg.labels import Labels
from kseg.plots.overlays import as_rgb

SIDE = 480
"""A picture's longer side, in pixels, at most."""
QUALITY = 72
INK = "#010203"
"""A colour that no figure has: in a page it becomes that of the text, on light and on dark."""
RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kseg",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.framealpha": 0,
}


def photo(image: np.ndarray) -> str:
    """Return an image, uint8 `(H, W, channels)`, as the address of a small picture."""
    picture = Image.fromarray(np.ascontiguousarray(as_rgb(image)))
    return address(_small(picture, Image.Resampling.BOX), "webp", quality=QUALITY)


def classes(mask: np.ndarray, labels: Labels) -> str:
    """Return class indices, uint8 `(H, W)`, in their colours as the address of a small picture."""
    picture = Image.fromarray(mask)
    picture.putpalette(labels.palette.astype(np.uint8).tobytes())
    return address(_small(picture, Image.Resampling.NEAREST), "png", optimize=True)


def heat(values: np.ndarray, most: float) -> str:
    """Return numbers, `(H, W)`, from dark for 0 to bright for `most`, as a picture's address."""
    shades = (255 * np.clip(values / max(most, 1e-9), 0, 1)).astype(np.uint8)
    picture = Image.fromarray(shades)
    colors = matplotlib.colormaps["inferno"](np.arange(256), bytes=True)[:, :3]
    picture.putpalette(colors.tobytes())
    return address(_small(picture.convert("RGB"), Image.Resampling.BOX), "webp", quality=QUALITY)


def drawing(draw: Callable[[], Figure]) -> Markup:
    """Return what draws a figure as SVG to stand in a page, its letters in the page's colour."""
    with matplotlib.rc_context(RC):
        figure = draw()
        figure.patch.set_alpha(0)
        for axis in figure.axes:
            axis.patch.set_alpha(0)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL))


def _small(picture: Image.Image, how: Image.Resampling) -> Image.Image:
    scale = SIDE / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), how)
