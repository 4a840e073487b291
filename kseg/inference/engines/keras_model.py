"""The engine that works everywhere: a Keras model on the backend in use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kseg._saved import open_model
from kseg.errors import KsegError
from kseg.inference.engines.engine import Engine
from kseg.inference.engines.folding import folded
from kseg.models.supervision import DeeplySupervised


def keras_engine(model: keras.Model, frozen: bool = False) -> Engine:
    """Run a Keras model on batches; of a deeply supervised one, its final head.

    The model stays as it is, and may be trained on: the engine answers with the weights that it has
    at that moment, unless it is frozen. `model.predict` would not do, because it leaves its traces
    on the model: its way of compilation, on JAX its buffers, on PyTorch the mode of its modules.

    Args:
        model: From images `(n, H, W, C)` to probabilities `(n, H, W, classes)`, built.
        frozen: Whether to answer with the weights that the model has now, for good, which is
            faster: normalisations become a part of the convolutions before them.

    Example:
        >>> model = kseg.build_convnet((None, None, 3), 2, filters=(4,))
        >>> engine = kseg.inference.keras_engine(model)
        >>> engine(np.zeros((1, 16, 24, 3), np.uint8)).shape
        (1, 16, 24, 2)
    """
    network = model.final if isinstance(model, DeeplySupervised) else model
    runners = _RUNNERS | _FROZEN if frozen else _RUNNERS
    run = runners[keras.backend.backend()](folded(network) if frozen else network)
    return lambda images: np.asarray(keras.ops.convert_to_numpy(run(images)), np.float32)


def dropout_engine(model: keras.Model, seed: int = 0) -> Engine:
    """Run a Keras model with its dropout at work: it answers a little differently each time.

    Normalisation goes on by its running statistics. How far the answers differ tells how unsure the
    model is; their mean is what it says.

    Args:
        model: From images `(n, H, W, C)` to probabilities `(n, H, W, classes)`, with dropout; a
            copy of it is used.
        seed: Fixes what is dropped, from image to image.

    Raises:
        KsegError: It has no dropout.

    Example:
        >>> from functools import partial
        >>> block = partial(kseg.blocks.double_convolution, dropout=0.5)
        >>> model = kseg.build_unet((None, None, 3), 2, filters=(4, 8), block=block)
        >>> engine = kseg.inference.dropout_engine(model)
        >>> image = np.zeros((1, 16, 24, 3), np.uint8)
        >>> np.array_equal(engine(image), engine(image))
        False

    References:
        Gal and Ghahramani 2016, https://arxiv.org/abs/1506.02142.
    """
    network = model.final if isinstance(model, DeeplySupervised) else model
    if not any(getattr(layer, "rate", 0) for layer in network.layers):
        raise KsegError(
            "dropout at prediction takes a network that was trained with dropout, such as "
            'block="double_convolution(dropout=0.1)". This one has none.'
        )
    own = copied(network)
    for index, layer in enumerate(own.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # so that it keeps to its running statistics
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([seed, index])
    run = _RUNNERS[keras.backend.backend()](own, training=True)
    return lambda images: np.asarray(keras.ops.convert_to_numpy(run(images)), np.float32)


def in_bfloat16(model: keras.Model) -> keras.Model:
    """Return a copy of a network that computes in bfloat16, its weights kept in float32.

    What comes before its first weights and after its last ones, such as the scaling of pixels and
    the softmax, goes on in float32.

    Args:
        model: A functional model; of a deeply supervised one, its final head is copied.
    """
    network = model.final if isinstance(model, DeeplySupervised) else model
    weighted = [index for index, layer in enumerate(network.layers) if layer.weights]
    inner = {layer.name for layer in network.layers[weighted[0] : weighted[-1] + 1]}

    def again(layer: keras.layers.Layer) -> keras.layers.Layer:
        format = {"dtype": "mixed_bfloat16"} if layer.name in inner else {}
        return type(layer).from_config(layer.get_config() | format)

    return copied(network, again)


def load_model(path: str | Path) -> keras.Model:
    """Load a `.keras` file, without running code that it may carry.

    Args:
        path: The file.

    Returns:
        The model, not compiled.

    Raises:
        KsegError: The file is missing, damaged, or holds code, such as a Lambda layer.

    Example:
        >>> run = kseg.open_run("unetpp-my_data")
        >>> kseg.inference.load_model(run.model_file).output_shape[-1]
        2
    """
    path = Path(path)
    if not path.is_file():
        raise KsegError(f"{path} is missing. Train the run again: kseg.train().")
    return open_model(path, "train the run again: kseg.train()")


def copied(network: keras.Model, again: Callable | None = None) -> keras.Model:
    """Return a copy of a network, with its weights; `again` makes its layers, from those there."""
    copy = keras.models.clone_model(network, clone_function=again)
    copy.set_weights(network.get_weights())
    return copy


def _on_tensorflow(network: keras.Model, training: bool = False) -> Any:
    import tensorflow as tf

    # XLA compiles anew for every image size, and is the slower one on a CPU. From the second size
    # on, a graph for any size is used, so that a folder of many sizes is traced a few times only.
    @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)
    def run(images: Any) -> Any:
        return network(images, training=training)

    return run


def _frozen_on_tensorflow(network: keras.Model) -> Callable[[np.ndarray], Any]:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    shape = (None, *network.input_shape[1:])
    traced = _on_tensorflow(network).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    graph = convert_variables_to_constants_v2(traced)
    return lambda images: graph(tf.constant(images, tf.float32))[0]


def _on_jax(network: keras.Model, training: bool = False) -> Callable[[np.ndarray], Any]:
    import jax

    @jax.jit
    def run(trained: list, others: list, images: Any) -> Any:
        return network.stateless_call(trained, others, images, training=training)

    def with_weights(images: np.ndarray) -> Any:
        trained, others = network.trainable_variables, network.non_trainable_variables
        values = ([one.value for one in variables] for variables in (trained, others))
        outputs, after = run(*values, images)
        if training:  # which draws other numbers the next time
            for variable, value in zip(others, after, strict=True):
                variable.assign(value)
        return outputs

    return with_weights


def _on_torch(network: keras.Model, training: bool = False) -> Callable[[np.ndarray], Any]:
    import torch

    @torch.no_grad()
    def run(images: np.ndarray) -> Any:
        return network(images, training=training)

    return run


_RUNNERS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
_FROZEN = {"tensorflow": _frozen_on_tensorflow}
