"""What a network costs and sees: parameters, FLOPs, receptive field."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from kseg.models import names
from kseg.models.graph import Call, Graph, resized, traced

POINTWISE = (
    layers.Activation,
    layers.Add,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dense,
    layers.Dropout,
    layers.GroupNormalization,
    layers.InputLayer,
    layers.LayerNormalization,
    layers.Multiply,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout2D,
)
POINTWISE_OPERATIONS = ("Cast", "Add", "Multiply")

# What has no multiply-adds to speak of: layers, and operations by the names of their classes.
FREE = (
    *(kind for kind in POINTWISE if kind is not layers.Dense),
    layers.Average,
    layers.AveragePooling2D,
    layers.Cropping2D,
    layers.ELU,
    layers.Flatten,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.Identity,
    layers.LeakyReLU,
    layers.MaxPooling2D,
    layers.Maximum,
    layers.Minimum,
    layers.Normalization,
    layers.PReLU,
    layers.Permute,
    layers.Reshape,
    layers.Softmax,
    layers.Subtract,
    layers.UpSampling2D,
    layers.ZeroPadding2D,
)
FREE_OPERATIONS = (
    "Absolute",
    "Add",
    "Cast",
    "Concatenate",
    "Cumsum",
    "Divide",
    "GetItem",
    "Greater",
    "Less",
    "LogicalAnd",
    "Max",
    "Maximum",
    "Mean",
    "Minimum",
    "Multiply",
    "OnesLike",
    "Pad",
    "Reshape",
    "Subtract",
    "Sum",
    "Transpose",
    "TrueDivide",
)


@dataclass(frozen=True)
class Measures:
    """What a network costs and sees.

    Attributes:
        parameters: Numbers in the weights that are trained, as papers count them.
        flops: Multiplications and additions of one image's way through convolutions, dense layers
            and attention products; two per multiply-add. Other operations are not counted.
        receptive_field: Height and width, in pixels, of the part of the image that can change an
            output pixel; `None` where every pixel can, as with attention over the image or with
            averages over it. Normalisations are taken as fixed.
        uncounted: Names of the layers whose multiplications and additions are unknown to kseg, and
            so missing in `flops`; none in kseg's builders.
    """

    parameters: int
    flops: int
    receptive_field: int | None
    uncounted: tuple[str, ...] = ()


@contextmanager
def shapes_only() -> Iterator[None]:
    """Build networks whose weights have shapes but no values: quick and small, to be measured.

    Keras's global state starts anew after, such as the names of layers that were not given one;
    the precision and the distribution over devices stay.
    """
    policy, distribution = keras.config.dtype_policy(), keras.distribution.distribution()
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        keras.utils.clear_session(free_memory=False)
        keras.config.set_dtype_policy(policy)
        if distribution is not None:
            keras.distribution.set_distribution(distribution)


def measure(model: keras.Model, size: tuple[int, int] = (256, 256)) -> Measures:
    """Measure a model, such as one of kseg's builders.

    Args:
        model: A model of one input; of several heads, all are measured together.
        size: `(height, width)` of the image for the FLOPs.

    Example:
        >>> model = kseg.build_convnet((64, 64, 3), 2, filters=(4,))
        >>> kseg.measure(model).parameters  # 3 * 3 * 3 * 4, 2 * 4 of the normalisation, 4 * 2 + 2
        126
        >>> kseg.measure(model).receptive_field
        3
    """
    graph = traced(model, size)
    costs = [(call, _cost(call.operation)) for call in graph.calls]
    flops = sum(cost(call) for call, cost in costs if cost is not None)
    unknown = (call.operation.name for call, cost in costs if cost is None)
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    field = _field(resized(graph, _large(model)))
    return Measures(parameters, flops, field, tuple(dict.fromkeys(unknown)))


def receptive_field(model: keras.Model) -> int | None:
    """Return the side of an output pixel's receptive field, or `None` where it is the image.

    Of several heads it is the widest.
    """
    return _field(traced(model, _large(model)))


def largest_output(model: keras.Model) -> float:
    """Return how many values the largest output of a layer holds, per pixel of the image."""
    size = _large(model)
    graph = traced(model, size)
    return max(math.prod(call.shape[1:]) for call in graph.calls) / math.prod(size)


def _field(graph: Graph) -> int | None:
    """Find the receptive field in a graph for an image that is larger than any.

    Along the rows, each operation takes from its inputs the first and the last row of the image
    that count.
    """
    rows: dict[int, np.ndarray | None] = {}
    for call in graph.calls:
        before = [rows.get(id(x)) for x in call.inputs]
        known = [part for part in before if part is not None]
        seen = None
        if not before:
            seen = np.repeat(np.arange(call.shape[1]), 2).reshape(-1, 2)
        elif len(known) == len(before):
            seen = _reached(call.operation, known, call.shape)
        rows[id(call.outputs[0])] = seen
    fields = [rows.get(id(output)) for output in graph.outputs]
    bounded = [field for field in fields if field is not None]
    if len(bounded) < len(fields):
        return None
    return max(int((field[:, 1] - field[:, 0]).max()) + 1 for field in bounded)


def _large(model: keras.Model) -> tuple[int, int]:
    """Return the size, larger than any field, that the model pads to a power of two."""
    pads = [layer for layer in model.layers if layer.name == names.PAD]
    margins = pads[0].padding if pads else ((0, 0), (0, 0))
    return tuple(side - sum(pair) for side, pair in zip((16384, 256), margins, strict=True))


def _reached(
    operation: keras.Operation, before: list[np.ndarray], shape: tuple
) -> np.ndarray | None:
    """Give the first and last row of the image that count in each row of an operation's output."""
    if isinstance(operation, POINTWISE) or type(operation).__name__ in POINTWISE_OPERATIONS:
        first, last = (
            function([x[:, side] for x in before], axis=0)
            for side, function in ((0, np.min), (1, np.max))
        )
        return np.stack([first, last], axis=1)
    window = _window(operation, np.arange(shape[1]), len(before[0]))
    if window is None:
        return None
    first, last = (np.clip(index, 0, len(before[0]) - 1) for index in window)
    return np.stack([before[0][first, 0], before[0][last, 1]], axis=1)


def _window(
    operation: keras.Operation, row: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the first and last row of an operation's input that count in rows of its output."""
    if isinstance(operation, layers.UpSampling2D):
        return (row // operation.size[0],) * 2
    if isinstance(operation, (layers.ZeroPadding2D, layers.Cropping2D)):
        is_padding = isinstance(operation, layers.ZeroPadding2D)
        before = -operation.padding[0][0] if is_padding else operation.cropping[0][0]
        return (row + before,) * 2
    if type(operation).__name__ == "Pad":
        return (row - operation.pad_width[1][0],) * 2
    if isinstance(operation, (layers.MaxPooling2D, layers.AveragePooling2D)):
        kernel, stride = operation.pool_size[0], operation.strides[0]
    elif isinstance(operation, layers.Conv2DTranspose):
        kernel, stride = operation.kernel_size[0], operation.strides[0]
        before = max(kernel - stride, 0) // 2
        return -((kernel - 1 - before - row) // stride), (row + before) // stride
    elif isinstance(operation, (layers.Conv2D, layers.DepthwiseConv2D)):
        kernel = (operation.kernel_size[0] - 1) * operation.dilation_rate[0] + 1
        stride = operation.strides[0]
    else:
        return None
    missing = max((len(row) - 1) * stride + kernel - size, 0)
    first = row * stride - (missing // 2 if operation.padding == "same" else 0)
    return first, first + kernel - 1


def _cost(operation: keras.Operation) -> Callable[[Call], int] | None:
    """Return what counts an operation's multiplications and additions; `None` where unknown."""
    for kind, cost in COSTS.items():
        if isinstance(operation, kind):
            return cost
    name = type(operation).__name__
    if isinstance(operation, keras.Layer):
        return _nothing if isinstance(operation, FREE) else None
    return _nothing if name in FREE_OPERATIONS else OPERATION_COSTS.get(name)


def _convolution(call: Call) -> int:
    channels = call.shapes[0][-1] // call.operation.groups
    return 2 * math.prod(call.shape[1:]) * math.prod(call.operation.kernel_size) * channels


def _transposed_convolution(call: Call) -> int:
    return (
        2 * math.prod(call.shapes[0][1:]) * math.prod(call.operation.kernel_size) * call.shape[-1]
    )


def _depthwise_convolution(call: Call) -> int:
    return 2 * math.prod(call.shape[1:]) * math.prod(call.operation.kernel_size)


def _dense(call: Call) -> int:
    return 2 * math.prod(call.shape[1:]) * call.shapes[0][-1]


def _attention(call: Call) -> int:
    """Count four products with weights, and the two of queries with keys and of their values."""
    positions, keys = (math.prod(shape[1:-1]) for shape in (call.shape, call.shapes[-1]))
    products = 2 * (positions + keys) * call.shape[-1] + 2 * positions * keys
    return 2 * products * call.shape[-1]


def _einsum(call: Call) -> int:
    sizes: dict[str, int] = {}
    terms = call.operation.subscripts.split("->")[0].split(",")
    for letters, shape in zip(terms, call.shapes, strict=True):
        sizes |= dict(zip(letters, shape, strict=True))
    return 2 * math.prod(size for letter, size in sizes.items() if letter != "b")


def _nothing(call: Call) -> int:
    return 0


# What counts the multiplications and additions of a kind of layer, and of an operation by the name
# of its class.
COSTS: dict[type, Callable[[Call], int]] = {
    layers.Conv2DTranspose: _transposed_convolution,
    layers.DepthwiseConv2D: _depthwise_convolution,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.MultiHeadAttention: _attention,
}
OPERATION_COSTS: dict[str, Callable[[Call], int]] = {"Einsum": _einsum}


def parts(model: keras.Model) -> tuple[dict[str, tuple[int, float]], set[tuple[str, str]]]:
    """Sum a network up as its figure does: its parts, and which lead to which.

    Args:
        model: A model of one output.

    Returns:
        By name, such as "encoder_1", in order: the channels that a part ends with, and how many
        times smaller than the image they are; and the pairs of parts that are joined.
    """
    found: dict[str, tuple[int, float]] = {}
    joined: set[tuple[str, str]] = set()
    owner: dict[int, str] = {}
    image = _large(model)
    for call in traced(model, image).calls:
        before = [owner[id(x)] for x in call.inputs]
        name = names.part(call.operation.name)
        if not isinstance(call.operation, keras.Layer) and before:
            name = max(before, key=list(found).index)
        owner |= {id(x): name for x in call.outputs}
        joined |= {(first, name) for first in before if first != name}
        if len(call.shape) == 4:
            smaller = image[0] / call.shape[1]
            found[name] = (call.shape[-1], min(smaller, found.get(name, (0, smaller))[1]))
    return found, joined
