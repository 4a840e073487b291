"""Large images cut into crops on the disk, masks alike."""

import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kseg import _checks, _files
from kseg.data.reading import files
from kseg.data.reading.folders import find_labels
from kseg.data.reading.layout import MASK_SUFFIX, Pair
from kseg.data.reading.pairs import find_pairs, keep_apart
from kseg.errors import KsegError

HOW = ("grid", "five", "rotations")


@dataclass(frozen=True)
class Cut:
    """How images are cut.

    Attributes:
        how: "grid" for windows that overlap and cover all, "five" for the corners and the centre,
            "rotations" for windows turned at random that lie wholly inside the image.
        size: `(height, width)` of a crop.
        overlap: Pixels by which neighbours of a grid overlap at least.
        count: Number of rotations per image.
        angle: The largest rotation, in degrees.
        seed: Seed of the rotations.

    Raises:
        KsegError: `how` is unknown, or the overlap is not below the size.
    """

    how: str = "grid"
    size: tuple[int, int] = (512, 512)
    overlap: int = 0
    count: int = 8
    angle: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        _checks.one_of(self.how, HOW, "way to cut")
        if self.overlap >= min(self.size):
            raise KsegError(
                f"The overlap must be below the size of a crop, {self.size}. Received: "
                f"{self.overlap}."
            )

    def windows(self, size: tuple[int, int], name: str) -> Iterator[tuple[float, float, float]]:
        """Yield centre and angle, `(y, x, degrees)`, of each crop of an image.

        Args:
            size: `(height, width)` of the image, at least that of a crop.
            name: Name of the image, which decides on its rotations.
        """
        if self.how == "rotations":
            yield from self._rotations(size, name)
            return
        starts = [
            grid_starts(whole, side, self.overlap) if self.how == "grid" else (0, whole - side)
            for whole, side in zip(size, self.size, strict=True)
        ]
        height, width = self.size
        for top in starts[0]:
            for left in starts[1]:
                yield top + height / 2, left + width / 2, 0.0
        if self.how == "five":
            yield (
                (size[0] - height) // 2 + height / 2,
                (size[1] - width) // 2 + width / 2,
                0.0,
            )

    def _rotations(self, size: tuple[int, int], name: str) -> Iterator[tuple[float, float, float]]:
        rng = np.random.default_rng((self.seed, *name.encode()))
        for _ in range(self.count):
            degrees = rng.uniform(-self.angle, self.angle)
            while (reach := turned_reach(self.size, degrees)) and any(
                2 * half > whole for half, whole in zip(reach, size, strict=True)
            ):
                degrees *= 0.9  # the window would reach outside: turn it less
                if abs(degrees) < 0.5:
                    degrees = 0.0
            y, x = (
                rng.uniform(half, whole - half) for half, whole in zip(reach, size, strict=True)
            )
            if degrees == 0.0:
                y, x = (
                    math.floor(at - side / 2) + side / 2
                    for at, side in zip((y, x), self.size, strict=True)
                )
            yield y, x, degrees


def grid_starts(whole: int, side: int, overlap: int) -> list[int]:
    """Return where windows start along an axis, so that they cover it, evenly spread."""
    if whole <= side:
        return [0]
    steps = math.ceil((whole - side) / (side - overlap))
    return [round(index * (whole - side) / steps) for index in range(steps + 1)]


def turned_reach(size: tuple[int, int], degrees: float) -> tuple[float, float]:
    """Return how far a turned window reaches from its centre, `(height, width)`."""
    height, width = size
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return (height * cosine + width * sine) / 2, (height * sine + width * cosine) / 2


def crop(
    pixels: np.ndarray, window: tuple[float, float, float], size: tuple[int, int], *, smooth: bool
) -> np.ndarray:
    """Cut a window out of an image or a mask.

    Args:
        pixels: Uint8, `(height, width)` or `(height, width, channels)`.
        window: Centre and angle, as `Cut.windows` yields them.
        size: `(height, width)` of the result.
        smooth: Whether to interpolate; masks are not.
    """
    y, x, degrees = window
    height, width = size
    if degrees == 0:
        top, left = int(y - height / 2), int(x - width / 2)
        return pixels[top : top + height, left : left + width]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    shift_x = x - cosine * width / 2 + sine * height / 2
    shift_y = y - sine * width / 2 - cosine * height / 2
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    if pixels.ndim == 3:  # band by band: Pillow would weigh some by another that it takes for alpha
        channels = range(pixels.shape[-1])
        return np.dstack([crop(pixels[..., at], window, size, smooth=smooth) for at in channels])
    turned = Image.fromarray(pixels).transform(
        (width, height),
        Image.Transform.AFFINE,
        (cosine, -sine, shift_x, sine, cosine, shift_y),
        how,
    )
    return np.asarray(turned)


def tile(
    data: Path,
    out: Path,
    cut: Cut,
    mask_suffix: str = MASK_SUFFIX,
    on_pair: Callable[[], None] = lambda: None,
    channels: int = 3,
) -> int:
    """Cut all images and masks of a data set; what was cut before is not cut again.

    A pair that has changed since is.

    Args:
        data: A folder or list, as `find_pairs` takes them.
        out: The folder to write: crops as PNG, of more than four channels as TIFF, masks as class
            indices, and `classes.json`.
        cut: How.
        mask_suffix: See `find_pairs`.
        on_pair: Called after each pair.
        channels: 1 for grey, 3 for RGB, or the number of bands, up to 8.

    Returns:
        The number of crops.

    Raises:
        KsegError: The data is not laid out as it should, a pair cannot be read, an image is
            smaller than a crop, `out` lies in the data, or holds anything but crops of this cut.
    """
    keep_apart(data, out)
    layout = find_pairs(data, mask_suffix).checked()
    labels, _ = find_labels(layout.root, layout.learned)
    suffix = ".png" if channels <= files.MOST_OF_PILLOW else ".tif"

    def work(task: tuple[Pair, Path], size: tuple[int, int]) -> int:
        pair, target = task
        windows = list(cut.windows(size, pair.name))
        paths = [
            (target / f"images/{name}{suffix}", target / f"masks/{name}.png")
            for name in (f"{pair.name}_{number:03d}" for number in range(len(windows)))
        ]
        changed = max(pair.image.stat().st_mtime, pair.mask.stat().st_mtime)
        if any(not _is_newer(path, changed) for both in paths for path in both):
            image, mask = files.read_pair(pair.image, pair.mask, labels, channels=channels)
            for window, (image_path, mask_path) in zip(windows, paths, strict=True):
                for path in (image_path, mask_path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                files.write_image(image_path, crop(image, window, cut.size, smooth=True))
                files.write_mask(mask_path, crop(mask, window, cut.size, smooth=False), labels)
        on_pair()
        return len(windows)

    tasks = [
        (pair, out if split == "all" else out / split)
        for split, pairs in layout.splits.items()
        for pair in pairs
    ]
    with ThreadPoolExecutor() as pool:
        sizes = list(pool.map(lambda task: _measured(task[0], cut, channels), tasks))
        told = {"data": str(data.resolve()), "classes": labels.to_dict(), "channels": channels}
        _remember(out, told | asdict(cut))
        count = sum(pool.map(work, tasks, sizes))
    _files.write_json(out / "classes.json", labels.indexed().to_dict())
    return count


def _measured(pair: Pair, cut: Cut, channels: int) -> tuple[int, int]:
    """Return `(height, width)` of a pair, or refuse one that is smaller than a crop."""
    size = files.check_sizes(pair.image, pair.mask, channels)
    if size[0] < cut.size[0] or size[1] < cut.size[1]:
        raise KsegError(
            f"{pair.image} is {size[0]}x{size[1]}, smaller than a crop of "
            f"{cut.size[0]}x{cut.size[1]} (height x width). Give a smaller size=."
        )
    return size


def _is_newer(path: Path, time: float) -> bool:
    """Tell whether a file is there that was written after a time."""
    return path.exists() and path.stat().st_mtime >= time


def _remember(out: Path, wanted: dict) -> None:
    """Write what is cut and how, or refuse to go on with what was cut otherwise, or not cut."""
    path, wanted = out / "tiles.json", json.loads(json.dumps(wanted))
    if not path.exists() and out.exists() and any(out.iterdir()):
        raise KsegError(f"{out} holds other files. Give a folder that is empty, or not there.")
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != wanted:
        raise KsegError(
            f"{out} holds crops of other images or classes, or another cut ({path}). Give another "
            "folder."
        )
    out.mkdir(parents=True, exist_ok=True)
    _files.write_json(path, wanted)
