"""How runs answer: alone or together, about one view of an image or several, at which size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kseg import _checks, machine
from kseg.data.augment.settings import Input, Resize, ResizeBack
from kseg.errors import ArgumentError
from kseg.inference.settings import DISAGREEMENT, DOUBTS, read_views
from kseg.runs.run import Run
from kseg.workflows.watching import Watch

if TYPE_CHECKING:
    from kseg.inference import Ensemble, Predictor


@dataclass(frozen=True)
class Answering:
    """Runs and how they answer.

    Attributes:
        runs: One, or several whose answers are averaged.
        weights: What each of several counts; `None` for all the same.
        tta: Views of an image whose answers are averaged; `None` for the image alone.
        max_side: The longest side that the networks are shown; `None` is as in training.
        resize: How larger images come to it; `None` is as in training.
        resize_back: How the answer comes back; `None` is as in training.
        device: "cpu" or "gpu"; `None` for the GPU where there is one.
        doubt: How uncertainty is measured, see `inference.decide`.
        engines: What runs the network of each run; `None` for Keras.
        few: Whether so few images are predicted that a fast start counts for more.
        shown: How each run is shown images, by all that.

    Raises:
        KsegError: There are not as many weights as runs, a choice is unknown or out of range, or a
            single answer is to disagree.
    """

    runs: tuple[Run, ...]
    weights: Sequence[float] | None
    tta: str | None
    max_side: int | None
    resize: Resize | None
    resize_back: ResizeBack | None
    device: str | None
    doubt: str = "confidence"
    engines: tuple[str, ...] | None = None
    few: bool = False
    shown: list[Input] = field(init=False)

    def __post_init__(self) -> None:
        read_views(self.tta)
        if self.weights is not None and len(self.weights) != len(self.runs):
            raise ArgumentError(
                f"weights= must be one number per run, {len(self.runs)} in all. Received "
                f"{len(self.weights)}."
            )
        _checks.one_of(self.doubt, DOUBTS, "uncertainty")
        if self.doubt == DISAGREEMENT and not self.averages:
            raise ArgumentError(
                "uncertainty='disagreement' is between several answers. Give tta=, such as 'flip', "
                "or several runs."
            )
        object.__setattr__(self, "shown", [run.shown(**self.choices) for run in self.runs])

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen of how images are shown."""
        names = ("max_side", "resize", "resize_back")
        return {name: getattr(self, name) for name in names}

    @property
    def averages(self) -> bool:
        """Whether an answer is the mean of several."""
        return self.tta is not None or len(self.runs) > 1

    def predictor(self) -> "Predictor | Ensemble":
        """Return what answers."""
        from kseg.inference import Ensemble

        with machine.computing_on(self.device):
            engines = self.engines or ("keras",) * len(self.runs)
            own = self.doubt if len(self.runs) == 1 else "confidence"
            predictors = [
                run.predictor(self.tta, engine, own, self.few, **self.choices)
                for run, engine in zip(self.runs, engines, strict=True)
            ]
            return Ensemble.of(predictors, self.weights, self.doubt)

    def alone(self, run: Run) -> "Predictor":
        """Return a single answer of one of the runs."""
        with machine.computing_on(self.device):
            engine = "keras" if self.engines is None else self.engines[self.runs.index(run)]
            return run.predictor(None, engine, "confidence", **self.choices)

    def tell(self, watch: Watch, data: str = "") -> None:
        """Tell which runs answer about what, and how large they see it."""
        for run, settings in zip(self.runs, self.shown, strict=True):
            watch.opened(run, data)
            watch.shows(settings)

    def to_dict(self) -> dict[str, Any]:
        """Return all that an answer depends on beside networks and image, as JSON can hold it."""
        told = [[one.max_side, one.resize, one.resize_back] for one in self.shown]
        engines = None if self.engines is None else list(self.engines)
        how = {"weights": self.weights, "tta": self.tta, "doubt": self.doubt}
        return how | {"shown": told, "engines": engines}
