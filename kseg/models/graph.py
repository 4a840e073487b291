"""The graph of a network: each call of a layer or operation, with the shapes it has for an image.

Only shapes are computed, and only Keras's public functions are used: the model is cloned with every
call replaced by one that passes shapes on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import KerasTensor


class Call(NamedTuple):
    """A layer or operation at a place of the graph; a shared one has several.

    Attributes:
        operation: The layer or operation.
        arguments: What it is called with, tensors and other values; nothing for the image itself.
        options: The same by name.
        outputs: What it gives.
    """

    operation: keras.Operation
    arguments: Sequence[Any]
    options: Mapping[str, Any]
    outputs: Sequence[KerasTensor]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The tensors that it takes."""
        values = keras.tree.flatten((self.arguments, self.options))
        return [x for x in values if isinstance(x, KerasTensor)]

    @property
    def shapes(self) -> list[tuple]:
        """Shapes of the inputs."""
        return [x.shape for x in self.inputs]

    @property
    def shape(self) -> tuple:
        """Shape of the output, the first of several."""
        return self.outputs[0].shape


class Graph(NamedTuple):
    """The calls of a network, in order, and its outputs."""

    calls: Sequence[Call]
    outputs: Sequence[KerasTensor]


def traced(model: keras.Model, size: tuple[int, int]) -> Graph:
    """Follow an image of a size through a model of one input.

    Args:
        model: Any model made of an input and outputs; of several heads, all are followed.
        size: `(height, width)` of the image.
    """
    shape = (1, *size, model.input.shape[-1])
    image = keras.Input(batch_shape=shape, dtype=model.input.dtype, name="image_of_this_size")
    calls = [Call(model.layers[0], (), {}, (image,))]
    stand_in = _StandIn(name="call")

    def call(operation: keras.Operation, *arguments: Any, **options: Any) -> Any:
        stand_in.operation = operation
        outputs = stand_in(*arguments, **options)
        calls.append(Call(operation, arguments, options, keras.tree.flatten(outputs)))
        return outputs

    copy = keras.models.clone_model(
        keras.Model(model.input, model.output),  # neither compiled nor of a class of its own
        input_tensors=image,
        clone_function=lambda operation: operation,
        call_function=call,
    )
    return Graph(calls, copy.outputs)


def resized(graph: Graph, size: tuple[int, int]) -> Graph:
    """Follow an image of another size through the same graph, which costs less than anew."""
    first, *others = graph.calls
    (image,) = first.outputs
    found = {id(image): KerasTensor((1, *size, image.shape[-1]), image.dtype)}
    calls = [first._replace(outputs=(found[id(image)],))]

    def of_this_size(value: Any) -> Any:
        return found.get(id(value), value)

    for call in others:
        given = (call.arguments, call.options)
        arguments, options = keras.tree.map_structure(of_this_size, given)
        outputs = keras.tree.flatten(call.operation.compute_output_spec(*arguments, **options))
        found.update((id(old), new) for old, new in zip(call.outputs, outputs, strict=True))
        calls.append(Call(call.operation, arguments, options, outputs))
    return Graph(calls, [found[id(output)] for output in graph.outputs])


class _StandIn(keras.Operation):
    """Stands for an operation's call: gives what has its shapes, and leaves it untouched."""

    operation: keras.Operation

    def compute_output_spec(self, *arguments: Any, **options: Any) -> Any:
        """Return the shapes that the operation gives."""
        return self.operation.compute_output_spec(*arguments, **options)
