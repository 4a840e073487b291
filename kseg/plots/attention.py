"""What attention gates let through."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from kseg.plots import style


def attention_picture(image: np.ndarray, maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw attention maps over the image they were made of.

    Args:
        image: Uint8 RGB, shape `(H, W, 3)`.
        maps: By the gate's name, numbers in [0, 1], shape `(h, w)` or `(h, w, 1)`, such as one
            image's maps of `attention_maps(model)`.
    """
    height, width = image.shape[:2]
    column, bar = 3.0, 0.9 if maps else 0.0
    figure = Figure(
        figsize=(column * (1 + len(maps)) + bar, column * height / width + 0.4),
        layout="constrained",
    )
    axes = figure.subplots(1, 1 + len(maps), squeeze=False)[0]
    axes[0].imshow(image)
    axes[0].set_title("image", fontsize=style.TITLE)
    for axis, (name, values) in zip(axes[1:], sorted(maps.items(), reverse=True), strict=True):
        axis.imshow(image.mean(axis=-1), cmap="gray")
        drawn = axis.imshow(
            np.asarray(values, np.float32).reshape(values.shape[:2]),
            cmap="inferno",
            vmin=0,
            vmax=1,
            alpha=0.65,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )
        axis.set_title(name.replace("_", " "), fontsize=style.TITLE)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    if maps:
        figure.colorbar(drawn, ax=axes, pad=0.01, label="let through")
    return figure
