"""What a network costs and sees: parameters, FLOPs, receptive field."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from keras import KerasTensor, layers

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


@dataclass(frozen=True)
class Measures:
    """What a network costs and sees.

    Attributes:
        parameters: Numbers in the weights that are trained, as papers count them.
        flops: Multiplications and additions of one image's way through convolutions, dense layers
            and attention products; two a multiply-add. Other operations are not counted.
        receptive_field: Height and width, in pixels, of the part of the image that can change an
            output pixel; `None` where every pixel can, as with attention over the image or with
            averages over it. Normalisations are taken as fixed.
    """

    parameters: int
    flops: int
    receptive_field: int | None


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
    """Measure a model of kseg's builders.

    Args:
        model: A model whose layers are built-in ones; of several heads, all are measured together.
        size: `(height, width)` of the image for the FLOPs.

    Example:
        >>> measure(build_unet((256, 256, 3), 8)).parameters
        31038088
    """
    flops = sum(map(_flops, _calls(model, size)))
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Measures(parameters, flops, receptive_field(model))


def receptive_field(model: keras.Model) -> int | None:
    """Return the side of an output pixel's receptive field, or `None` where it is the image.

    Of several heads it is the widest. Along the rows of an image larger than any field, each
    operation takes the first and the last row of the image that count from its inputs.
    """
    rows: dict[int, np.ndarray | None] = {}
    for call in _calls(model, _large(model)):
        before = [rows[x] for x in call.inputs]
        if not before:
            rows[call.output] = np.repeat(np.arange(call.shape[1]), 2).reshape(-1, 2)
        elif any(seen is None for seen in before):
            rows[call.output] = None
        else:
            rows[call.output] = _reached(call.operation, before, call.shape)
    fields = [rows[id(output)] for output in model.outputs]
    if any(field is None for field in fields):
        return None
    return max(int((field[:, 1] - field[:, 0]).max()) + 1 for field in fields)


def _large(model: keras.Model) -> tuple[int, int]:
    """Return the size, larger than any field, that the model pads to a power of two."""
    pads = [layer for layer in model.layers if layer.name == "pad_to_stride"]
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


def _flops(call: "Call") -> int:
    """Count an operation's multiply-adds, twice."""
    operation, shape = call.operation, call.shape
    positions = math.prod(shape[1:-1])
    if isinstance(operation, layers.Conv2DTranspose):
        positions = math.prod(call.shapes[0][1:-1])
        each = math.prod(operation.kernel_size) * call.shapes[0][-1] * shape[-1]
    elif isinstance(operation, layers.DepthwiseConv2D):
        each = math.prod(operation.kernel_size) * shape[-1]
    elif isinstance(operation, layers.Conv2D):
        each = math.prod(operation.kernel_size) * call.shapes[0][-1] * shape[-1]
        each //= operation.groups
    elif isinstance(operation, layers.Dense):
        each = call.shapes[0][-1] * shape[-1]
    elif isinstance(operation, layers.MultiHeadAttention):
        keys = math.prod(call.shapes[-1][1:-1])
        products = 2 * (positions + keys) * shape[-1] + 2 * positions * keys
        return 2 * products * shape[-1]
    elif type(operation).__name__ == "Einsum":
        return 2 * _einsum_products(operation.subscripts, call.shapes)
    else:
        return 0
    return 2 * positions * each


def _einsum_products(subscripts: str, shapes: Sequence[tuple]) -> int:
    sizes = {}
    for letters, shape in zip(subscripts.split("->")[0].split(","), shapes, strict=True):
        sizes |= dict(zip(letters, shape, strict=True))
    return math.prod(size for letter, size in sizes.items() if letter != "b")


class Call(NamedTuple):
    """A layer or operation at a place of the graph, with the shapes that it has for an image.

    Attributes:
        operation: The layer or operation.
        inputs: Keys of the tensors that it takes.
        shapes: Their shapes, of one image.
        output: Key of what it gives.
        shape: Its shape.
    """

    operation: keras.Operation
    inputs: Sequence[int]
    shapes: Sequence[tuple]
    output: int
    shape: tuple


def _calls(model: keras.Model, size: tuple[int, int]) -> Iterator[Call]:
    """Yield each call of a layer or operation, in order, for an image of a size.

    Only shapes are computed: the graph is neither called nor copied.
    """
    specs = {id(model.input): KerasTensor((1, *size, model.input.shape[-1]), model.input.dtype)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            output = id(node.outputs[0])
            if not node.is_input:
                arguments, options = node.arguments.fill_in(specs)
                specs[output] = node.operation.compute_output_spec(*arguments, **options)
            inputs = [id(x) for x in node.input_tensors]
            shapes = [specs[x].shape for x in inputs]
            yield Call(node.operation, inputs, shapes, output, specs[output].shape)


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
    for call in _calls(model, image):
        before = [owner[x] for x in call.inputs]
        name = _part(call.operation.name)
        if not isinstance(call.operation, keras.Layer) and before:
            name = max(before, key=list(found).index)
        owner[call.output] = name
        joined |= {(first, name) for first in before if first != name}
        if len(call.shape) == 4:
            smaller = image[0] / call.shape[1]
            found[name] = (call.shape[-1], min(smaller, found.get(name, (0, smaller))[1]))
    return found, joined


def _part(name: str) -> str:
    """Name the part of a network's figure that a layer belongs to."""
    part = re.match(r"x\d+_\d+|[a-zA-Z]+\d*(_\d+(?=_|$))?", name)[0]
    return {"pixels": "image", "pad": "image", "encoder": "image", "probabilities": "logits"}.get(
        part, part
    )
