"""What an engine is."""

from collections.abc import Callable

import numpy as np

Engine = Callable[[np.ndarray], np.ndarray]
"""From images, uint8 or float in 0..255, `(n, H, W, C)`, to float32 probabilities `(n, H, W, K)`.

K is the number of classes, or 1 for one sigmoid output. H and W are multiples of the network's
stride.
"""
