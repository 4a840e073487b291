"""What `kseg models` does: architectures measured, one of them described and drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseg import _checks
from kseg.errors import ArgumentError, KsegError
from kseg.models import catalog
from kseg.models.architectures import ARCHITECTURES
from kseg.models.measures import Measures, measure, shapes_only
from kseg.models.settings import Model
from kseg.reports import figures
from kseg.runs.recipe import make_recipe

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Description:
    """A network, built without making its weights.

    Attributes:
        network: Its layers.
        measures: What it costs and sees.
        picture: Where its graph was drawn.
    """

    network: "keras.Model"
    measures: Measures
    picture: Path


def measure_models(
    *, size: tuple[int, int] = (256, 256), classes: int = 2, width: int | None = None
) -> Iterator[tuple[str, Measures]]:
    """Measure every architecture, one head of each, on an image of `(height, width)` pixels.

    Args:
        size: The image for the FLOPs.
        classes: Number of classes.
        width: Channels of the first level; by default those published.

    Yields:
        Name and measures, in the order of the names.
    """
    for arch in ARCHITECTURES:
        with shapes_only():
            network = catalog.build(Model(arch=arch, width=width, heads=1), (*size, 3), classes)
            yield arch, measure(network, size)


def describe_model(
    arch: str,
    out: str | Path,
    *,
    size: tuple[int, int] = (256, 256),
    classes: int = 2,
    set: Mapping[str, Any] | None = None,
    **choices: Any,
) -> Description:
    """Build a network of one head, measure it, and draw its graph.

    Args:
        arch: Name of the architecture.
        out: PNG to write.
        size: `(height, width)` of the image.
        classes: Number of classes.
        set: Fields of the recipe by their path, such as `{"model.options.steps": 3}`.
        **choices: Fields of the recipe's sections on data and model by their words, such as
            `block="residual"` and `channels=4`.

    Raises:
        ArgumentError: A choice is unknown, or does not fit the architecture.
    """
    try:
        _checks.figure_file(out, "out")
        recipe = make_recipe(arch=arch, heads=1, set=set, **choices)
        shape = (*size, recipe.data.channels)
        with shapes_only():
            network = catalog.build(recipe.model, shape, classes)
            measures = measure(network, size)
    except KsegError as error:
        raise ArgumentError(str(error)) from None
    title = f"{arch}, {measures.parameters:,} parameters"
    return Description(network, measures, figures.report_network(network, Path(out), title))
