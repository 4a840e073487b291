"""What a network costs and sees: parameters, FLOPs, receptive field."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import KerasTensor, layers

POINTWISE = (
    layers.Activation,
    layers.Add,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Cropping2D,
    layers.Dense,
    layers.Dropout,
    layers.GroupNormalization,
    layers.InputLayer,
    layers.LayerNormalization,
    layers.Multiply,
    layers.ReLU,
    layers.Rescaling,
    layers.SpatialDropout2D,
    layers.ZeroPadding2D,
)
POINTWISE_OPERATIONS = ("Cast", "Pad", "Add", "Multiply")


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


def measure(model: keras.Model, size: tuple[int, int] = (256, 256)) -> Measures:
    """Measure a model of kseg's builders.

    Args:
        model: A model of one output, whose layers are built-in ones.
        size: `(height, width)` of the image for the FLOPs; a model of a fixed size has that size.

    Example:
        >>> measure(build_unet((256, 256, 3), 8)).parameters
        31038088

    References:
        Araujo, Norris and Sim 2019, https://distill.pub/2019/computing-receptive-fields.
    """
    fixed = model if None not in model.input.shape[1:3] else _of_size(model, size)
    flops = sum(_flops(*node) for node in _nodes(fixed))
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return Measures(parameters, flops, receptive_field(fixed))


def receptive_field(model: keras.Model) -> int | None:
    """Return the side of an output pixel's receptive field, or `None` where it is the image."""
    seen: dict[int, tuple[float, float] | None] = {}
    for operation, inputs, output in _nodes(model):
        before = [seen[id(x)] for x in inputs]
        seen[id(output)] = None if None in before else _extended(operation, before)
    field = seen[id(model.output)]
    return None if field is None else round(field[0])


def _extended(
    operation: keras.Operation, before: list[tuple[float, float]]
) -> tuple[float, float] | None:
    """Follow the field's side and the distance of neighbours, in pixels, through an operation."""
    if not before:
        return 1.0, 1.0
    side, step = max(before)
    if isinstance(operation, layers.Conv2DTranspose):
        taps = math.ceil(max(operation.kernel_size) / max(operation.strides))
        return side + (taps - 1) * step, step / max(operation.strides)
    if isinstance(operation, (layers.Conv2D, layers.DepthwiseConv2D)):
        reach = (max(operation.kernel_size) - 1) * max(operation.dilation_rate)
        return side + reach * step, step * max(operation.strides)
    if isinstance(operation, (layers.MaxPooling2D, layers.AveragePooling2D)):
        reach = max(operation.pool_size) - 1
        return side + reach * step, step * max(operation.strides)
    if isinstance(operation, layers.UpSampling2D):
        return side, step / max(operation.size)
    is_pointwise = isinstance(operation, POINTWISE)
    is_pointwise |= type(operation).__name__ in POINTWISE_OPERATIONS
    return (side, step) if is_pointwise else None


def _flops(operation: keras.Operation, inputs: list[KerasTensor], output: KerasTensor) -> int:
    """Count an operation's multiply-adds, twice."""
    positions = math.prod(output.shape[1:-1])
    if isinstance(operation, layers.Conv2DTranspose):
        positions = math.prod(inputs[0].shape[1:-1])
        each = math.prod(operation.kernel_size) * inputs[0].shape[-1] * output.shape[-1]
    elif isinstance(operation, layers.DepthwiseConv2D):
        each = math.prod(operation.kernel_size) * output.shape[-1]
    elif isinstance(operation, layers.Conv2D):
        each = math.prod(operation.kernel_size) * inputs[0].shape[-1] * output.shape[-1]
        each //= operation.groups
    elif isinstance(operation, layers.Dense):
        each = inputs[0].shape[-1] * output.shape[-1]
    elif isinstance(operation, layers.MultiHeadAttention):
        channels = output.shape[-1]
        keys = math.prod(inputs[-1].shape[1:-1])
        return (
            4 * positions * channels**2 + 4 * keys * channels**2 + 4 * positions * keys * channels
        )
    elif type(operation).__name__ == "Einsum":
        return 2 * _einsum_products(operation.subscripts, inputs)
    else:
        return 0
    return 2 * positions * each


def _einsum_products(subscripts: str, inputs: list[KerasTensor]) -> int:
    sizes = {}
    for letters, x in zip(subscripts.split("->")[0].split(","), inputs, strict=True):
        sizes |= dict(zip(letters, x.shape, strict=True))
    return math.prod(size for letter, size in sizes.items() if letter != "b")


def _nodes(
    model: keras.Model,
) -> Iterator[tuple[keras.Operation, list[KerasTensor], KerasTensor]]:
    """Yield each call of a layer or operation, in order: it, its inputs and its output."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            yield node.operation, list(node.input_tensors), node.outputs[0]


def _of_size(model: keras.Model, size: tuple[int, int]) -> keras.Model:
    image = keras.Input((*size, model.input.shape[-1]))
    with keras.StatelessScope():
        return keras.models.clone_model(model, input_tensors=image)


def parts(model: keras.Model) -> tuple[dict[str, tuple[int, float]], set[tuple[str, str]]]:
    """Sum a network up as its figure does: its parts, and which lead to which.

    Args:
        model: A model of one output.

    Returns:
        By name, such as "encoder_1", in order: the channels that a part ends with, and how many
        times smaller than the image they are; and the pairs of parts that are joined.
    """
    fixed = model if None not in model.input.shape[1:3] else _of_size(model, (512, 512))
    found: dict[str, tuple[int, float]] = {}
    joined: set[tuple[str, str]] = set()
    owner: dict[int, str] = {}
    for operation, inputs, output in _nodes(fixed):
        before = [owner[id(x)] for x in inputs]
        name = _part(operation.name)
        if not isinstance(operation, keras.Layer) and before:
            name = max(before, key=list(found).index)
        owner[id(output)] = name
        joined |= {(first, name) for first in before if first != name}
        if len(output.shape) == 4 and (name not in found or output.shape[1] > 1):
            found[name] = (output.shape[-1], fixed.input.shape[1] / output.shape[1])
    return found, joined


def _part(name: str) -> str:
    """Name the part of a network's figure that a layer belongs to."""
    part = re.match(r"x\d+_\d+|[a-zA-Z]+\d*(_\d+(?=_|$))?", name)[0]
    return {"pixels": "image", "pad": "image", "encoder": "image", "probabilities": "logits"}.get(
        part, part
    )
