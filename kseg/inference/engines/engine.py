"""What an engine is."""

from collections.abc import Callable

import numpy as np

Engine = Callable[[np.ndarray], np.ndarray]
"""From images, uint8 or float in 0..255, `(n, H, W, C)`, to float32 probabilities `(n, H, W, K)`.

K is the number of classes, or 1 for one sigmoid output. H and W are multiples of the network's
stride.
"""


def ran_out(error: Exception) -> bool:
    """Tell whether an error says that a device has no memory left, on any backend.

    Example:
        >>> from kseg.inference.engines.engine import ran_out
        >>> ran_out(MemoryError()), ran_out(ValueError("no such class"))
        (True, False)
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError", "ResourceExhaustedError"}:
        return True
    return "RESOURCE_EXHAUSTED" in str(error) or "can't allocate memory" in str(error)
