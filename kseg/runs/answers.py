"""How the network of a run answers: what runs it, and how it is shown images."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kseg import machine
from kseg.data.augment.settings import Input
from kseg.data.samples import Few
from kseg.errors import ArgumentError, KsegError
from kseg.inference.engines import converted
from kseg.inference.engines.engine import Engine
from kseg.inference.predictor import Predictor, shown
from kseg.inference.settings import DISAGREEMENT, DROPOUT, KERAS, read_views, zoom_of
from kseg.inference.tiles import Sight, sight_of, tiling_for
from kseg.inference.views import with_views
from kseg.labels import Labels
from kseg.models import catalog
from kseg.runs.recipe import Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kseg.data.sources.source import Source

CALIBRATION = 64
"""So many images show which numbers occur in a network that is to compute in 8 bits."""


class Trained(Protocol):
    """What of a run prediction takes, see `Run`."""

    @property
    def path(self) -> Path:
        """The folder."""

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""

    @property
    def labels(self) -> Labels:
        """The classes."""

    @property
    def model_file(self) -> Path:
        """The model of the best epoch."""

    @property
    def model_digest(self) -> str:
        """The SHA-256 of that file."""

    @property
    def classes_file(self) -> Path:
        """The file of the classes."""

    @property
    def temperature(self) -> float:
        """What calibrates it."""

    def source(self) -> "Source":
        """Return the data that it was trained on."""

    def shown(self, **choices: Any) -> Input:
        """Return how it is shown images."""


def predictor(
    run: Trained, tta: str | None, engine: str, doubt: str, few: bool, choices: dict[str, Any]
) -> Predictor:
    """Return a predictor of a run's best epoch, see `Run.predictor`."""
    is_dropping = DROPOUT in read_views(tta)
    if is_dropping and engine != KERAS:
        raise ArgumentError(f"Dropout is at work with engine='{KERAS}'. Received: {engine!r}.")
    own, sight = _dropping(run) if is_dropping else opened(run, engine, few)
    keeps = tta is not None and doubt == DISAGREEMENT
    if tta is not None:
        own = with_views(own, tta, catalog.stride(run.recipe.model), keeps)
    temperature = run.temperature if tta is None else 1.0
    words = {"temperature": temperature, "doubt": doubt, "has_entropy": keeps}
    return _shown_as(run.shown(**choices), run, own, sight, zoom_of(read_views(tta)), **words)


def predictor_of(run: Trained, model: "keras.Model") -> Predictor:
    """Return a predictor of another network, which is shown images as a run's is."""
    from kseg.inference import keras_engine

    return _shown_as(run.recipe.input, run, keras_engine(model), sight_of(model))


def _shown_as(
    settings: Input, run: Trained, engine: Engine, sight: Sight, zoom: float = 1.0, **words: Any
) -> Predictor:
    """Return a predictor that shows an engine images as the settings of a run say."""
    stride = catalog.stride(run.recipe.model)
    return Predictor(
        engine,
        stride=stride,
        max_side=settings.max_side,
        resize=settings.resize,
        resize_back=settings.resize_back,
        tiling=tiling_for(sight, stride, zoom=zoom),
        **words,
    )


def opened(run: Trained, name: str, few: bool = False) -> tuple[Engine, Sight]:
    """Return an engine, and how far its network sees; without Keras where it was converted.

    For a `few` images Keras's own is not frozen, which takes longer than they do.
    """
    folder = run.path / "engines" / run.model_digest[:16]
    is_kept = name in converted.CONVERSIONS and converted.file_of(name, folder).exists()
    known = converted.read_sight(folder) if is_kept else None
    if known is not None:
        outputs, sight = known
        _check_classes(run, outputs)
        converted.require(name, is_kept)
        kept = converted.kept(name, folder)
        if kept is not None:
            return kept, sight

    machine.backend()
    from kseg.inference.engines import engine_named

    model, stride = _model(run), catalog.stride(run.recipe.model)
    engine = engine_named(name, model, stride, folder, lambda: _some_images(run), few)
    sight = sight_of(model)
    if name in converted.CONVERSIONS:
        converted.write_sight(folder, model.output_shape[-1], sight)
    return engine, sight


def _dropping(run: Trained) -> tuple[Engine, Sight]:
    """Return an engine whose dropout is at work, and how far its network sees."""
    from kseg.inference import dropout_engine

    model = _model(run)
    return dropout_engine(model, run.recipe.seed), sight_of(model)


def _some_images(run: Trained) -> "Iterator[np.ndarray]":
    """Yield some images of the training as the network is shown them, `(1, H, W, C)`."""
    settings, stride = run.recipe.input, catalog.stride(run.recipe.model)
    samples = Few(run.source().split("train", run.labels), CALIBRATION)
    for index in range(len(samples)):
        yield shown(samples[index].image, stride, settings.max_side, settings.resize)[None]


def _model(run: Trained) -> "keras.Model":
    """Load the model of the best epoch, and prove that it fits the classes."""
    from kseg.inference import load_model

    model = load_model(run.model_file)
    _check_classes(run, model.output_shape[-1])
    return model


def _check_classes(run: Trained, outputs: int) -> None:
    """Refuse a network whose classes are not the run's."""
    expected = len(run.labels)
    if max(outputs, 2) != expected:
        raise KsegError(
            f"{run.model_file} gives {outputs} classes, but {run.classes_file} names "
            f"{expected}. Both must come from one run."
        )
