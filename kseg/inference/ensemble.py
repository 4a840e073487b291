"""The answers of several networks, averaged."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from kseg import _checks
from kseg.errors import KsegError
from kseg.inference.decision import decide
from kseg.inference.predictor import Predictor
from kseg.inference.probabilities import Probabilities, tempered
from kseg.inference.tiles import Picture, Tiling


class Ensemble:
    """Predicts as a `Predictor` does, by the mean of what several of them say.

    Each sees an image at the size that it is made for; their probabilities are averaged at the size
    of the image. It takes as long as all of them together, and holds the probabilities of all
    classes at full size.

    Args:
        predictors: Of the same classes.
        weights: What each counts; by default all the same.

    Raises:
        KsegError: There is none, or not one weight above 0 for each.

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
        self, predictors: Sequence[Predictor], weights: Sequence[float] | None = None
    ) -> None:
        if not predictors:
            raise KsegError("An ensemble takes one predictor at least. Received none.")
        weights = [1.0] * len(predictors) if weights is None else weights
        _checks.same_length(weights, predictors, "weights", "the predictors")
        total = sum(_checks.above(weight, 0, "weight") for weight in weights)
        self._predictors = list(predictors)
        self._parts = [weight / total for weight in weights]

    @classmethod
    def of(
        cls, predictors: Sequence[Predictor], weights: Sequence[float] | None = None
    ) -> "Predictor | Ensemble":
        """Return an ensemble of several predictors, and a single one as it is."""
        return predictors[0] if len(predictors) == 1 else cls(predictors, weights)

    def probabilities(self, images: Iterable[np.ndarray]) -> Iterator[Probabilities]:
        """Tell the probability of each class, image by image, as they are asked for.

        Args:
            images: As `Predictor.probabilities` takes them.

        Raises:
            KsegError: An entry is not an image, or the predictors know different classes.
        """
        for image in images:
            mean: np.ndarray | None = None
            for predictor, part in zip(self._predictors, self._parts, strict=True):
                found = next(predictor.probabilities([image])).array()
                if mean is None:
                    mean = np.zeros_like(found)
                elif mean.shape != found.shape:
                    raise KsegError(
                        "The networks of an ensemble must know the same classes. Received "
                        f"{mean.shape[-1]} and {found.shape[-1]}."
                    )
                mean += np.float32(part) * found
            if mean is not None:
                yield Probabilities(mean, mean.shape[:2])

    def decided(self, images: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Decide an image row of tiles by row of tiles, as `Predictor.decided_rows` does.

        All see the same tiles, which overlap as the one that sees farthest needs it.
        """
        return self._together.decided_rows(picture, on_tile, start)

    @cached_property
    def _together(self) -> Predictor:
        """One predictor, whose engine is the mean of all."""
        stride = math.lcm(*(predictor.stride for predictor in self._predictors))
        tilings = [one.tiling for one in self._predictors if one.tiling is not None]
        if not tilings:
            return Predictor(self._mean, stride=stride)
        margin = max(tiling.margin for tiling in tilings)
        overlap = stride * math.ceil(max(tiling.overlap for tiling in tilings) / stride)
        side = min(tiling.side for tiling in tilings) // stride * stride
        tiling = Tiling(max(side, overlap + stride), overlap, margin, stride)
        return Predictor(self._mean, stride=stride, tiling=tiling)

    def _mean(self, images: np.ndarray) -> np.ndarray:
        """Return the mean of the answers for tiles, of all classes."""
        answers = []
        for predictor, part in zip(self._predictors, self._parts, strict=True):
            found = predictor.engine(images)
            if found.shape[-1] == 1:
                found = np.concatenate([1 - found, found], axis=-1)
            answers.append(np.float32(part) * tempered(found, predictor.temperature))
        return np.sum(answers, axis=0)

    def predict(self, images: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Predict masks, as `Predictor.predict` does."""
        return [mask for mask, _ in self.decided(images)]
