"""What the indices of a mask mean: class names, colours, void."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kseg import _checks
from kseg._palette import distinct_colors
from kseg.errors import KsegError

VOID = 255
EXPECTED = (
    "Expected JSON such as "
    '{"classes": ["background", "road"], "ignore": 255, "palette": [[0,0,0], [90,90,90]]}.'
)

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Labels:
    """Class names and colours of a data set, its void index, and how mask files spell them.

    Attributes:
        names: One name per class, in the order of their indices; at most 255.
        colors: One RGB colour per class, values in 0..255; by default black, then colours
            that people who do not see red and green tell apart too, Okabe and Ito's first.
        ignore: The index of void pixels, in 0..255; not an index of a class.
        values: Index in a mask file -> class index, where the two differ (`{0: 0, 255: 1}` for
            black and white masks); `None` where a file holds the class indices themselves.
        other: Class index of all that `values` does not name; `None` where that is an error.
        void_color: The RGB colour of void.

    Raises:
        KsegError: A name or colour stands twice, the colours are not one per class, `ignore` is the
            index of a class, or `values` leads outside the classes.

    Example:
        >>> labels = kseg.Labels(("background", "road"), colors=((0, 0, 0), (90, 90, 90)))
        >>> labels.colorize(np.array([[1, 255]]))  # road, and void
        array([[[ 90,  90,  90],
                [224, 224, 192]]], dtype=uint8)
        >>> black_and_white = kseg.Labels(("background", "road"), values={0: 0, 255: 1})
        >>> black_and_white.from_values(np.array([[0, 255]], np.uint8))
        array([[0, 1]], dtype=uint8)
    """

    names: tuple[str, ...]
    colors: tuple[Color, ...] = ()
    ignore: int = VOID
    values: dict[int, int] | None = None
    other: int | None = None
    void_color: Color = (224, 224, 192)

    def __post_init__(self) -> None:
        count = len(self.names)
        if not self.colors:
            object.__setattr__(self, "colors", distinct_colors(count))
        if not 2 <= count <= VOID or len(set(self.names)) < count:
            raise KsegError(
                "Classes must be at least two different names, the background's included, and at "
                f"most {VOID}. Received: {list(self.names)}."
            )
        if len(self.colors) != count or len(set(self.colors)) < count:
            raise KsegError(
                f"{count} classes need {count} different colours. Received {len(self.colors)}: "
                f"{list(self.colors)[:8]}."
            )
        for color in (*self.colors, self.void_color):
            _color(color)
        if 0 <= self.ignore < count:
            raise KsegError(
                f"The void index {self.ignore} is that of the class '{self.names[self.ignore]}'. "
                f"Choose one outside 0..{count - 1}, such as {VOID}."
            )
        if not 0 <= self.ignore <= 255:
            raise KsegError(f"The void index must be in 0..255. Received: {self.ignore}.")
        meant, known = {*(self.values or {}).values(), self.other}, {*range(count), self.ignore}
        outside = sorted(index for index in meant if index is not None and index not in known)
        if outside:
            raise KsegError(
                f"'values' leads to {outside}, which are neither a class (0..{count - 1}) "
                f"nor void ({self.ignore})."
            )

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.names)

    @property
    def palette(self) -> np.ndarray:
        """Colours of every index in 0..255, uint8, shape `(256, 3)`."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colors
        palette[self.ignore] = self.void_color
        return palette

    def colorize(self, mask: np.ndarray) -> np.ndarray:
        """Turn class indices, shape `(H, W)`, into an RGB image, uint8, `(H, W, 3)`."""
        return self.palette[mask]

    def from_colors(self, image: np.ndarray) -> np.ndarray:
        """Turn an RGB mask, uint8, `(H, W, 3)`, into class indices, uint8, `(H, W)`.

        Raises:
            KsegError: A colour of the image is not one of the classes'.
        """
        codes = _color_codes(image)
        found, inverse = np.unique(codes, return_inverse=True)
        indices = {code: index for index, code in enumerate(_color_codes(np.array(self.colors)))}
        indices.setdefault(_color_codes(self.palette)[self.ignore], self.ignore)
        unknown = [(c >> 16, c >> 8 & 255, c & 255) for c in found.tolist() if c not in indices]
        if unknown and self.other is None:
            raise KsegError(
                f"holds colours that are not those of a class: {unknown[:5]}. "
                'Give each class its colour under "palette" in classes.json'
            )
        known = np.array([indices.get(code, self.other) for code in found], np.uint8)
        return known[inverse.reshape(codes.shape)]

    def from_values(self, mask: np.ndarray) -> np.ndarray:
        """Turn the values of a mask file into class indices, and prove that they are such.

        Raises:
            KsegError: A value is neither a class nor void.
        """
        if mask.dtype != np.uint8:
            found, places = np.unique(mask, return_inverse=True)
            return self._indices_of(found)[places.reshape(mask.shape)]
        if self.values is None and ((mask < len(self)) | (mask == self.ignore)).all():
            return mask
        found = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
        lookup = np.zeros(256, np.uint8)
        lookup[found] = self._indices_of(found)
        return np.take(lookup, mask)

    def _indices_of(self, found: np.ndarray) -> np.ndarray:
        """Return the class index, uint8, of each value that a mask holds."""
        table = self.values or {index: index for index in range(len(self))}
        table = {self.ignore: self.ignore} | table
        unknown = [value for value in found.tolist() if value not in table]
        if unknown and self.other is None:
            expected = str(sorted(table)) if self.values else f"0 to {len(self) - 1}"
            raise KsegError(
                f"holds the values {unknown[:8]}; expected {expected}, or {self.ignore} for void. "
                "Correct the mask, or say in classes.json what the values mean "
                '("classes", "ignore", "values")'
            )
        return np.array([table.get(value, self.other) for value in found.tolist()], np.uint8)

    def indexed(self) -> "Labels":
        """Return the same classes for mask files that hold their indices."""
        return replace(self, values=None, other=None)

    def to_dict(self) -> dict:
        """Return what `classes.json` holds."""
        content = {
            "classes": list(self.names),
            "ignore": self.ignore,
            "palette": [list(color) for color in (*self.colors, self.void_color)],
        }
        values = {str(key): value for key, value in (self.values or {}).items()}
        if self.other is not None:
            values["*"] = self.other
        return content | ({"values": values} if values else {})


def read_labels(path: str | Path) -> Labels:
    """Read a `classes.json`: names under "classes"; "ignore", "palette" and "values" as needed.

    A palette may hold one colour more than there are classes, the one of void. A key of "values" is
    an index, a range of them such as "24000-24999", or "*" for all others. "classes" may also name
    one of `PRESETS`.

    Args:
        path: The file.

    Returns:
        The classes, their colours, and what the values of mask files mean.

    Raises:
        KsegError: The file is not of this form; the message names it.

    Example:
        >>> from kseg.labels import read_labels
        >>> path = Path("classes.json")
        >>> _ = path.write_text('{"classes": ["background", "road"], "values": {"0": 0, "7-9": 1}}')
        >>> labels = read_labels(path)
        >>> labels.names, labels.values
        (('background', 'road'), {0: 0, 7: 1, 8: 1, 9: 1})
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        for entry in content:
            _checks.one_of(entry, ("classes", "ignore", "palette", "values"), "entry")
        names, values = content["classes"], dict(content.get("values") or {})
        if isinstance(names, str):
            if len(content) > 1:
                raise KsegError(f'"classes": "{names}" says all; take the other entries away.')
            return PRESETS[_checks.one_of(names, PRESETS, "set of classes")]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise KsegError(f'"classes" must be a list of names. Received: {names!r}.')
        colors = [
            _color(tuple(_whole(value, "palette") for value in color))
            for color in content.get("palette", ())
        ]
        void = colors.pop() if len(colors) == len(names) + 1 else Labels.void_color
        return Labels(
            tuple(names),
            tuple(colors),
            _whole(content.get("ignore", VOID), "ignore"),
            other=_whole(values.pop("*"), "*") if "*" in values else None,
            values=_table(values) or None,
            void_color=void,
        )
    except RecursionError:
        raise KsegError(f"{path}: lists in lists in lists. {EXPECTED}") from None
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f'"{error.args[0]}" is missing' if isinstance(error, KeyError) else error
        raise KsegError(f"{path}: {reason} {EXPECTED}") from error


def _table(values: dict[str, int]) -> dict[int, int]:
    """Turn keys such as "7" and "24000-24999" into the indices they stand for."""
    table: dict[int, int] = {}
    for key, value in values.items():
        ends = re.fullmatch(r"(-?\d+)(?:-(\d+))?", str(key))
        if not ends:
            raise KsegError(
                f'"values" holds the key {key!r}: expected an index, a range such as "7-9", or "*".'
            )
        span = range(int(ends[1]), int(ends[2] or ends[1]) + 1)
        if not 0 < len(span) <= 100_000:
            raise KsegError(f'"values" holds the range {key!r}: expected up to 100,000 indices.')
        table |= dict.fromkeys(span, _whole(value, key))
    return table


def _whole(value: object, entry: str) -> int:
    """Return a whole number as it is."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise KsegError(f'"{entry}" must be a whole number. Received: {value!r}.')
    return value


def _color(color: tuple[int, ...]) -> Color:
    """Return a colour, three values in 0..255, as it is."""
    if len(color) != 3 or not all(0 <= value <= 255 for value in color):
        raise KsegError(f"A colour must be three numbers in 0..255. Received: {color}.")
    return color


def numbered_labels(count: int) -> Labels:
    """Return labels for `count` classes that nobody named."""
    return Labels(tuple(f"class_{index}" for index in range(count)))


def _color_codes(colors: np.ndarray) -> np.ndarray:
    red, green, blue = (colors[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


CITYSCAPES = Labels(
    (
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
        "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
        "motorcycle", "bicycle",
    ),
    (
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
        (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
        (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
        (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
    values=dict(
        zip(
            (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33),
            range(19),
            strict=True,
        )
    ),
    other=VOID,
    void_color=(0, 0, 0),
)  # fmt: skip
"""The 19 classes of Cityscapes that are scored, out of the 34 indices of its `_labelIds.png`."""

PRESETS = {"cityscapes": CITYSCAPES}
