"""Muon: steps of kernels whose directions all count alike."""

import math
import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kseg.errors import KsegError

POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Takes singular values between 0 and 1 near to 1 when applied a few times."""
TINY = 1e-7


@keras.saving.register_keras_serializable("kseg")
class Muon(keras.optimizers.Optimizer):
    """Momentum made orthogonal for kernels; AdamW for all else.

    The gradient of a kernel is nearly of low rank: a few directions take all of a step. Muon gives
    each direction the same length, so that a network learns from the rare ones too, and from fewer
    images. A convolution's kernel is taken as the matrix from its window of inputs to its outputs:

        M <- beta M + (1 - beta) G
        O  = orthogonal(beta M + (1 - beta) G)       about U V^T, where U S V^T is the argument
        W <- W - rate (0.2 sqrt(max(rows, columns)) O + decay W)

    so that a step is as long as one of AdamW, whose learning rates and decays it takes (Liu et al.,
    Equation 4). Biases, normalisations, depthwise kernels and the layers named in `exclude_layers`
    are moved by AdamW with the same rate and decay. Keras's own Muon leaves convolutions to AdamW.

    Args:
        learning_rate: A number, or a schedule of Keras.
        weight_decay: Decoupled decay per step, times the learning rate.
        momentum: beta.
        beta_1: Decay of the mean of gradients of AdamW.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the root of that in AdamW.
        steps: Newton-Schulz iterations that make a matrix orthogonal.
        exclude_layers: Patterns of the paths of kernels that AdamW moves: the layer of the classes.
        **kwargs: As all optimizers of Keras take them.

    Raises:
        KsegError: `steps` is below 1, or `momentum` is not in [0, 1).

    Example:
        >>> model = kseg.build_unet((32, 32, 3), 2, filters=(4, 8))
        >>> model.compile(kseg.optimizers.Muon(3e-3), kseg.losses.CrossEntropy())
        >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype("float32")
        >>> masks = (images[..., 0] > 127).astype("int32")
        >>> losses = model.fit(images, masks, epochs=4, verbose=0).history["loss"]
        >>> losses[-1] < losses[0]
        True

    References:
        Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; Liu et al. 2025,
        https://arxiv.org/abs/2502.16982; for AdamW, Loshchilov and Hutter 2019,
        https://arxiv.org/abs/1711.05101.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        weight_decay: float | None = None,
        momentum: float = 0.95,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        steps: int = 5,
        exclude_layers: Sequence[str] = ("logits",),
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **kwargs)
        if steps < 1 or not 0 <= momentum < 1:
            raise KsegError(
                "Muon takes steps of 1 or more and a momentum of 0 to 1, without 1. Received: "
                f"steps={steps}, momentum={momentum}."
            )
        self.momentum = momentum
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps = int(steps)
        self.exclude_layers = tuple(exclude_layers)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the means of gradients, and of their squares where AdamW takes the step."""
        if self.built:
            return
        super().build(variables)
        self._means, self._squares = [], []
        for variable in variables:
            self._means.append(self.add_variable_from_reference(variable, "momentum"))
            self._squares.append(
                None
                if self._is_orthogonal(variable)
                else self.add_variable_from_reference(variable, "velocity")
            )

    def update_step(
        self, gradient: Any, variable: keras.Variable, learning_rate: keras.Variable
    ) -> None:
        """Move one variable."""
        index = self._get_variable_index(variable)
        mean, square = self._means[index], self._squares[index]
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if square is None:
            self._orthogonal_step(gradient, variable, rate, mean)
        else:
            self._adam_step(gradient, variable, rate, mean, square)

    def get_config(self) -> dict[str, Any]:
        """Return what a copy is made of."""
        names = ("momentum", "beta_1", "beta_2", "epsilon", "steps", "exclude_layers")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _orthogonal_step(
        self, gradient: Any, variable: keras.Variable, rate: Any, mean: keras.Variable
    ) -> None:
        rows, columns = _matrix_shape(variable)
        new = (1 - self.momentum) * gradient
        self.assign(mean, self.momentum * mean + new)
        direction = ops.reshape(self.momentum * mean + new, (rows, columns))
        step = 0.2 * max(rows, columns) ** 0.5 * orthogonal(direction, self.steps)
        self.assign_sub(variable, rate * ops.reshape(step, variable.shape))

    def _adam_step(
        self,
        gradient: Any,
        variable: keras.Variable,
        rate: Any,
        mean: keras.Variable,
        square: keras.Variable,
    ) -> None:
        time = ops.cast(self.iterations + 1, variable.dtype)
        rate = rate * ops.sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        self.assign_sub(variable, rate * mean / (ops.sqrt(square) + self.epsilon))

    def _is_orthogonal(self, variable: keras.Variable) -> bool:
        """Whether a variable is the kernel of a convolution or dense layer that is not left out."""
        is_left_out = any(re.search(name, variable.path) for name in self.exclude_layers)
        return (
            len(variable.shape) in (2, 4) and min(_matrix_shape(variable)) > 1 and not is_left_out
        )


def orthogonal(matrix: Any, steps: int) -> Any:
    """Take the singular values of a matrix near to 1, by Newton-Schulz iterations.

        X <- P X,   P = a + b X X^T + c (X X^T)^2,   which takes each singular value s to
        s <- a s + b s^3 + c s^5

    X X^T is multiplied out once: each step takes it to P (X X^T) P, and X is multiplied by the
    product of all P in the end. The window of a kernel is many times as long as its outputs, and
    only these two products are as long.

    Args:
        matrix: `(rows, columns)`.
        steps: Iterations; after five, values that were above 0.002 of the matrix's norm lie between
            0.68 and 1.21.
    """
    a, b, c = POLYNOMIAL
    rows, columns = matrix.shape
    x = ops.transpose(matrix) if rows > columns else matrix
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + TINY)
    one = ops.eye(min(rows, columns), dtype=x.dtype)

    def nearer(step: Any, state: Any) -> Any:
        squared, product = state
        p = a * one + b * squared + c * ops.matmul(squared, squared)
        return ops.matmul(p, ops.matmul(squared, p)), ops.matmul(p, product)

    # A loop written out would take long to trace.
    start = (ops.matmul(x, ops.transpose(x)), one)
    _, product = ops.fori_loop(0, steps, nearer, start)
    x = ops.matmul(product, x)
    return ops.transpose(x) if rows > columns else x


def _matrix_shape(variable: keras.Variable) -> tuple[int, int]:
    """Return the shape of a kernel as a matrix: all but its last dimension are its rows."""
    return math.prod(variable.shape[:-1]), variable.shape[-1]
