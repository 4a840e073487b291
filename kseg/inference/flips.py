"""The answer for an image and for its mirror image, averaged."""

import numpy as np

from kseg.inference.engines.engine import Engine


def with_flip(engine: Engine) -> Engine:
    """Return an engine that asks twice, once for the mirror image, and averages both answers.

    It takes twice the time.

    Args:
        engine: Any engine.

    Example:
        >>> model = kseg.build_convnet((None, None, 3), 2, filters=(4,))
        >>> engine = kseg.inference.with_flip(kseg.inference.keras_engine(model))
        >>> image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3))
        >>> np.allclose(engine(image[:, :, ::-1]), engine(image)[:, :, ::-1], atol=1e-6)
        True
    """

    def run(images: np.ndarray) -> np.ndarray:
        mirrored = engine(np.ascontiguousarray(images[:, :, ::-1]))[:, :, ::-1]
        return (engine(images) + mirrored) / 2

    return run
