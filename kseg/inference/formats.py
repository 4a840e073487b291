"""Formats that networks are exported in, and what runs them: without Keras."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kseg import machine

Ask = Callable[[np.ndarray], np.ndarray]
"""From images `(n, H, W, C)`, of the type that was exported, to what the network says of them."""


def run_saved_model(path: Path) -> Ask:
    """Run a SavedModel by TensorFlow."""
    import tensorflow as tf

    network = tf.saved_model.load(str(path))  # whose variables go with it
    return lambda images: np.asarray(network.serve(images))


def run_onnx(path: Path) -> Ask:
    """Run an ONNX file by ONNX Runtime, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def run_openvino(path: Path, precision: str = "f32") -> Ask:
    """Run a network by OpenVINO, on the CPU, computing in "f32" or "bf16"."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return lambda images: compiled(images)[0]


def run_litert(path: Path) -> Ask:
    """Run a LiteRT file by the interpreter that TensorFlow brings."""
    import tensorflow as tf

    with machine.quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it will leave TensorFlow one day
        interpreter = tf.lite.Interpreter(str(path))
        interpreter.allocate_tensors()
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()

    def ask(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(inputs["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(outputs["index"])

    return ask


class Format(NamedTuple):
    """A format to export.

    Attributes:
        name: What Keras calls it.
        file: The name of what is written, in a folder of its own.
        packages: Modules that writing and checking take, and what pip calls them.
        backends: The backends of Keras that it can be written with.
        opened: From what was written to a function that runs it.
    """

    name: str
    file: str
    packages: dict[str, str]
    backends: tuple[str, ...]
    opened: Callable[[Path], Ask]


_TENSORFLOW = ("tensorflow",)
FORMATS = {
    "saved_model": Format("tf_saved_model", "model", {}, _TENSORFLOW, run_saved_model),
    "onnx": Format(
        "onnx",
        "model.onnx",
        {"tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"},
        _TENSORFLOW,
        run_onnx,
    ),
    "openvino": Format(
        "openvino", "model.xml", {"openvino": "openvino"}, _TENSORFLOW, run_openvino
    ),
    "litert": Format("litert", "model.tflite", {}, _TENSORFLOW, run_litert),
}
