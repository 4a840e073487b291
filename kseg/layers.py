"""Layers that built-in ones cannot express, or not at the same speed.

They name themselves as the layers of Keras that they extend: a saved model holds those, and opens
where kseg is not installed.
"""

from typing import Any

import keras
from keras import KerasTensor, ops

from kseg.errors import KsegError


class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation by TensorFlow's fused kernel; elsewhere the stock layer, unchanged.

    The stock layer computes the moments with separate operations. On TensorFlow the fused kernel
    does the same work in one pass and makes a U-Net's training step on a CPU about 1.2 times as
    fast in float32 and 1.6 times in bfloat16 (`benchmarks/train_step.py`). Values, weights and
    running statistics equal those of `keras.layers.BatchNormalization`.

    Args: those of `keras.layers.BatchNormalization`, with a momentum of 0.9: the running statistics
        follow within tens of steps, so that short trainings are judged fairly too. The kernel
        serves 4-D inputs normalised over the last axis; any other use takes the stock path.

    References:
        Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, Algorithm 1.
    """

    __module__ = "keras.layers"

    def __init__(self, axis: int = -1, momentum: float = 0.9, **kwargs: Any) -> None:
        super().__init__(axis, momentum, **kwargs)

    def call(
        self, inputs: KerasTensor, training: bool | None = None, mask: KerasTensor | None = None
    ) -> KerasTensor:
        """Normalise `inputs`, shape `(batch, height, width, channels)`."""
        if not (training and self.trainable and mask is None and self._is_fusible(inputs)):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        channels = inputs.shape[-1]
        gamma = self.gamma if self.scale else ops.ones((channels,))
        beta = self.beta if self.center else ops.zeros((channels,))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=gamma,
            offset=beta,
            mean=ops.zeros((0,)),
            variance=ops.zeros((0,)),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel returns the unbiased variance; the stock layer averages the biased one.
        count = ops.cast(ops.size(inputs) // channels, variance.dtype)
        self._average(self.moving_mean, mean)
        self._average(self.moving_variance, variance * (count - 1) / count)
        return outputs

    def _is_fusible(self, inputs: KerasTensor) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not self.synchronized
            and not self.renorm
        )

    def _average(self, running: keras.Variable, batch: KerasTensor) -> None:
        running.assign(running * self.momentum + batch * (1.0 - self.momentum))


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """A transposed convolution; on JAX a product of matrices, where its windows do not overlap.

    With a kernel as large as the stride each pixel of the input makes a window of its own:

        y[s i + a, s j + b] = sum_c W[a, b, :, c] x[i, j, c] + bias

    XLA knows no fast kernel for the gradient of W: those of a U-Net's took 14 of the 32 ms of its
    step on a GPU (`benchmarks/train_step.py`). Values and weights equal those of
    `keras.layers.Conv2DTranspose`, and any other use takes its path.

    Args: those of `keras.layers.Conv2DTranspose`.
    """

    __module__ = "keras.layers"

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Make `(batch, s height, s width, filters)` of `(batch, height, width, channels)`."""
        is_apart = self.kernel_size == self.strides and set(self.dilation_rate) == {1}
        if keras.backend.backend() != "jax" or self.data_format != "channels_last" or not is_apart:
            return super().call(inputs)
        batch, height, width, channels = inputs.shape
        rows, columns = self.strides
        kernel = ops.reshape(ops.moveaxis(self.kernel, -1, 0), (channels, -1))
        windows = ops.reshape(
            ops.matmul(inputs, kernel), (batch, height, width, rows, columns, self.filters)
        )
        shape = (batch, rows * height, columns * width, self.filters)
        outputs = ops.reshape(ops.transpose(windows, (0, 1, 3, 2, 4, 5)), shape)
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


class _Entry(keras.layers.Layer):
    """A first layer that refuses images whose size the network does not take.

    Attributes:
        multiples: What the height and the width must be multiples of.
    """

    multiples = (1, 1)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        """Let images pass, shape `(batch, height, width, channels)`."""
        sides = inputs.shape[1:3]
        pads = [-(side or 0) % m for side, m in zip(sides, self.multiples, strict=True)]
        if any(pads):
            height, width = (side and side + pad for side, pad in zip(sides, pads, strict=True))
            raise KsegError(
                f"A model that was built for images of any size takes multiples of "
                f"{max(self.multiples)}. Received {sides[0]}x{sides[1]}. Pad the images to "
                f"{height}x{width}, their masks by void; or build the model for one size, such as "
                f"{(*sides, inputs.shape[-1])}, and it pads by itself; or predict by "
                "kseg.inference.Predictor."
            )
        return super().call(inputs)


class Rescaling(_Entry, keras.layers.Rescaling):
    """Keras's layer as a network's first one."""

    __module__ = "keras.layers"


class Activation(_Entry, keras.layers.Activation):
    """Keras's layer as a network's first one."""

    __module__ = "keras.layers"
