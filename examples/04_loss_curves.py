"""Draw each loss over how sure the network is of a class, for classes of three sizes.

    python examples/04_loss_curves.py

The background is predicted rightly, with a probability of 0.99; the pixels of the other class have
the probability p of it. A loss whose curve falls as steeply for a class of 0.1 % of the pixels as
for one of half of them learns both. Writes loss_curves.png. With `--smoke` the image is small.
"""

import sys

import keras
import numpy as np
from matplotlib.figure import Figure

from kseg.losses import LOSSES, make_loss

side = 16 if "--smoke" in sys.argv else 64
shares = (0.5, 0.05, 0.001)
p = np.linspace(0.01, 0.99, 25)

rows = -(-len(LOSSES) // 4)
figure = Figure(figsize=(12, rows * 8 / 3), layout="constrained")
axes = figure.subplots(rows, 4).ravel()
for axis, name in zip(axes, LOSSES, strict=False):
    loss = make_loss(name)
    for share in shares:
        # A block of the class, with as many pixels as its share of the image.
        count = max(1, round(share * side * side))
        mask = (np.arange(side * side) < count).astype(np.uint8).reshape(1, side, side)
        values = []
        for probability in p:
            foreground = np.where(mask == 1, probability, 0.01)[..., None].astype("float32")
            values.append(float(keras.ops.convert_to_numpy(loss(mask, foreground))))
        axis.plot(p, values, label=f"{share:.1%} of the pixels")
    axis.set_title(f"{name}: {type(loss).__name__}", fontsize=10)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
for axis in axes[8:]:
    axis.set_xlabel("probability p of the class in its pixels")
axes[-1].axis("off")
handles, labels = axes[0].get_legend_handles_labels()
axes[-1].legend(handles, labels, loc="center", title="the class has")
figure.savefig("loss_curves.png", dpi=110)
