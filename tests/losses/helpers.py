"""Cases and gradients for the tests of losses."""

from collections.abc import Callable

import keras
import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def random_case(classes, seed=0, shape=(2, 5, 4)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mask with void, probabilities and their logits, all in float64."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, max(2, classes), shape).astype(np.uint8)
    mask[rng.uniform(size=shape) < 0.3] = 255
    logits = rng.normal(size=(*shape, classes))
    return mask, 1 / (1 + np.exp(-logits)) if classes == 1 else softmax(logits), logits


def value(tensor) -> float:
    return float(keras.ops.convert_to_numpy(tensor))


def gradient(function: Callable, x: np.ndarray) -> np.ndarray:
    """The gradient of a scalar function at `x`, on whichever backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
        return np.nan_to_num(tape.gradient(result, x).numpy(), nan=np.inf)
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(x)))
    x = keras.ops.convert_to_tensor(x).requires_grad_()
    function(x).backward()
    return x.grad.detach().cpu().numpy()
