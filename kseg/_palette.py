"""The colours of classes that nobody gave one: told apart by people with any sight."""

from functools import cache

import numpy as np

_FIRST = (
    (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178),
    (213, 94, 0), (204, 121, 167),
)  # fmt: skip
"""Okabe and Ito 2008, https://jfly.uni-koeln.de/color/; the background's black comes first."""
_KEPT_CLEAR = ((255, 255, 255), (224, 224, 192))
"""Paper, and void."""
_SIGHTS = (
    np.eye(3),
    np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
)
"""What full sight, protanopia and deuteranopia make of linear RGB: Machado, Oliveira, Fernandes
2009, A physiologically-based model for simulation of color vision deficiency, table 1."""
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Ottosson 2020, A perceptual color space for image processing."""


@cache
def distinct_colors(count: int) -> tuple[tuple[int, int, int], ...]:
    """Return `count` colours, black first.

    The first eight are Okabe and Ito's. Each further one lies, of a grid of colours neither dark
    nor pale, farthest from all before, from white and from void, for the sight that tells it from
    them worst.
    """
    steps = np.linspace(0, 255, 16).round().astype(int)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    lightness = _seen(grid)[0, :, 0]
    grid = grid[(lightness > 0.35) & (lightness < 0.92)]
    seen = _seen(grid)
    nearest = np.full(len(grid), np.inf)
    for color in _KEPT_CLEAR + _FIRST:
        nearest = np.minimum(nearest, _distances(seen, _seen(np.array([color]))))
    colors = list(_FIRST[:count])
    while len(colors) < count:
        chosen = int(nearest.argmax())
        colors.append(tuple(grid[chosen].tolist()))
        nearest = np.minimum(nearest, _distances(seen, seen[:, chosen : chosen + 1]))
    return tuple(colors)


def _distances(seen: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Return how far each colour is from one, for the sight that tells them apart worst."""
    return np.linalg.norm(seen - color, axis=-1).min(axis=0)


def _seen(colors: np.ndarray) -> np.ndarray:
    """Return RGB colours, 0..255, shape `(N, 3)`, in OKLab, as each sight sees: `(3, N, 3)`."""
    values = colors / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = np.stack([np.clip(linear @ sight.T, 0, 1) for sight in _SIGHTS])
    return np.cbrt(seen @ _TO_CONES.T) @ _TO_OKLAB.T
