"""The answers of several networks, averaged."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial

import numpy as np

from kseg import _checks
from kseg.errors import KsegError
from kseg.inference.decision import Decided, decide
from kseg.inference.predictor import Predictor
from kseg.inference.probabilities import Probabilities, averaged, tempered
from kseg.inference.settings import DISAGREEMENT, DOUBTS
from kseg.inference.tiles import Picture, Tiling


class Ensemble:
    """Predicts as a `Predictor` does, by the mean of what several of them say.

    Each sees an image at the size that it is made for; their probabilities are averaged at the size
    of the image. It takes as long as all of them together, and holds the probabilities of all
    classes at full size.

    Args:
        predictors: Of the same classes.
        weights: What each counts; by default all the same.
        doubt: How uncertainty is measured, see `decide`.

    Raises:
        KsegError: There is none, not one weight above 0 for each, or no such measure.

    Example:
        >>> models = [kseg.build_convnet((None, None, 3), 2, filters=(4,)) for _ in range(2)]
        >>> both = [kseg.inference.Predictor(kseg.inference.keras_engine(one)) for one in models]
        >>> image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
        >>> (found,) = kseg.inference.Ensemble(both, weights=[3, 1]).probabilities([image])
        >>> one, other = (next(each.probabilities([image])).array() for each in both)
        >>> np.allclose(found.array(), 0.75 * one + 0.25 * other, atol=1e-6)
        True
    """

    def __init__(
        self,
        predictors: Sequence[Predictor],
        weights: Sequence[float] | None = None,
        doubt: str = "confidence",
    ) -> None:
        if not predictors:
            raise KsegError("An ensemble takes one predictor at least. Received none.")
        weights = [1.0] * len(predictors) if weights is None else weights
        _checks.same_length(weights, predictors, "weights", "the predictors")
        total = sum(_checks.above(weight, 0, "weight") for weight in weights)
        self._predictors = list(predictors)
        self._parts = [weight / total for weight in weights]
        self.doubt = _checks.one_of(doubt, DOUBTS, "uncertainty")

    @classmethod
    def of(
        cls,
        predictors: Sequence[Predictor],
        weights: Sequence[float] | None = None,
        doubt: str = "confidence",
    ) -> "Predictor | Ensemble":
        """Return an ensemble of several predictors, and a single one as it is."""
        return predictors[0] if len(predictors) == 1 else cls(predictors, weights, doubt)

    def probabilities(self, images: Iterable[np.ndarray]) -> Iterator[Probabilities]:
        """Tell the probability of each class, image by image, as they are asked for.

        Args:
            images: As `Predictor.probabilities` takes them.

        Raises:
            KsegError: An entry is not an image, or the predictors know different classes.
        """
        for image in images:
            answers = (next(one.probabilities([image])).array() for one in self._predictors)
            yield self._told(self._averaged(answers))

    def decided(self, images: Iterable[np.ndarray]) -> Iterator[Decided]:
        """Decide the class of each pixel, as `Predictor.decided` does."""
        return map(decide, self.probabilities(images))

    @property
    def takes_rows(self) -> bool:
        """Whether `decided_rows` gives what `decided` does, see `Predictor`."""
        return all(predictor.takes_rows for predictor in self._predictors)

    def tiles(self, shape: tuple[int, ...], start: int = 0) -> int:
        """Return the number of tiles that `decided_rows` takes, see `Predictor`."""
        return self._together.tiles(shape, start)

    def decided_rows(
        self,
        picture: Picture,
        on_tile: Callable[[], None] = lambda: None,
        start: int = 0,
    ) -> Iterator[Decided]:
        """Decide an image row of tiles by row of tiles, as `Predictor.decided_rows` does.

        All see the same tiles, which overlap as the one that sees farthest needs it.
        """
        return self._together.decided_rows(picture, on_tile, start)

    @cached_property
    def _together(self) -> Predictor:
        """One predictor, whose engine is the mean of all."""
        stride = math.lcm(*(predictor.stride for predictor in self._predictors))
        tilings = [one.tiling for one in self._predictors if one.tiling is not None]
        together = partial(
            Predictor,
            self._mean,
            stride=stride,
            doubt=self.doubt,
            has_entropy=self._keeps_entropy,
        )
        if not tilings:
            return together()
        margin = max(tiling.margin for tiling in tilings)
        overlap = stride * math.ceil(max(tiling.overlap for tiling in tilings) / stride)
        side = min(tiling.side for tiling in tilings) // stride * stride
        tiling = Tiling(max(side, overlap + stride), overlap, margin, stride)
        return together(tiling=tiling)

    def _mean(self, images: np.ndarray) -> np.ndarray:
        """Return the mean of the answers for tiles, of all classes."""
        answers = (predictor.engine(images) for predictor in self._predictors)
        of_classes = (
            np.concatenate([1 - one, one], axis=-1) if one.shape[-1] == 1 else one
            for one in answers
        )
        calibrated = (
            tempered(one, predictor.temperature)
            for one, predictor in zip(of_classes, self._predictors, strict=True)
        )
        return self._averaged(calibrated)

    def _averaged(self, answers: Iterable[np.ndarray]) -> np.ndarray:
        """Return the mean of what the networks say, and of their entropies where it is wanted.

        Raises:
            KsegError: They know different classes.
        """
        return averaged(_of_one_shape(answers), self._keeps_entropy, self._parts)

    def _told(self, mean: np.ndarray) -> Probabilities:
        size = mean.shape[:2]
        return Probabilities(mean, size, doubt=self.doubt, has_entropy=self._keeps_entropy)

    @property
    def _keeps_entropy(self) -> bool:
        return self.doubt == DISAGREEMENT

    def predict(self, images: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Predict masks, as `Predictor.predict` does."""
        return [found.mask for found in self.decided(images)]


def _of_one_shape(answers: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield answers, if they are of the same classes.

    Raises:
        KsegError: They are not.
    """
    first: np.ndarray | None = None
    for answer in answers:
        first = answer if first is None else first
        if answer.shape != first.shape:
            raise KsegError(
                "The networks of an ensemble must know the same classes. Received "
                f"{first.shape[-1]} and {answer.shape[-1]}."
            )
        yield answer
