"""Whether a model knows which images it gets wrong: risk over coverage."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kseg.errors import KsegError


@dataclass(frozen=True)
class Ranking:
    """Images by how unsure a model is of them, against how wrong it is.

    Who looks at the least sure images first and leaves the surest part of them, the coverage, to
    the model, takes the risk of that part. The lower the area under risk over coverage, the better
    the order; in a random order every part has the mean risk of all.

    Attributes:
        uncertainty: Of each image, float64, `(images,)`: the higher the less sure.
        risk: How wrong each is, float64, `(images,)`, such as 1 minus its mean IoU; NaN where
            nothing is known of it, which takes no part.

    Raises:
        KsegError: They are of unequal number.

    Example:
        >>> found = kseg.metrics.Ranking(np.array([0.1, 0.3, 0.2]), np.array([0.0, 0.6, 0.3]))
        >>> found.risks  # of the surest, of the two surest, of all
        array([0.  , 0.15, 0.3 ])
        >>> round(found.area, 3), round(found.random_area, 3), round(found.oracle_area, 3)
        (0.15, 0.3, 0.15)

    References:
        Geifman and El-Yaniv 2017, https://arxiv.org/abs/1705.08500, Section 2; Geifman, Uziel and
        El-Yaniv 2019, https://arxiv.org/abs/1805.08206, for the area.
    """

    uncertainty: np.ndarray
    risk: np.ndarray

    def __post_init__(self) -> None:
        if self.uncertainty.shape != self.risk.shape or self.risk.ndim != 1:
            raise KsegError(
                "uncertainty and risk must hold one number per image. Received shapes "
                f"{self.uncertainty.shape} and {self.risk.shape}."
            )

    @cached_property
    def risks(self) -> np.ndarray:
        """Mean risk of the surest image, of the two surest, and so on to all; float64."""
        return self._by(self.uncertainty)

    @property
    def coverages(self) -> np.ndarray:
        """The part of the images that each of `risks` is of, in (0, 1]; float64."""
        count = len(self.risks)
        return np.arange(1, count + 1) / max(count, 1)

    @cached_property
    def best_risks(self) -> np.ndarray:
        """The same in the best order there is, that of the risks themselves."""
        return self._by(self.risk)

    @property
    def area(self) -> float:
        """Area under risk over coverage; NaN without images."""
        return _mean(self.risks)

    @property
    def random_area(self) -> float:
        """The area that a random order has in the mean: the mean risk."""
        return _mean(self.risk[self._known])

    @property
    def oracle_area(self) -> float:
        """The area of the best order there is: that of the risks themselves."""
        return _mean(self.best_risks)

    @property
    def _known(self) -> np.ndarray:
        return ~np.isnan(self.risk)

    def _by(self, key: np.ndarray) -> np.ndarray:
        order = np.argsort(key[self._known], kind="stable")
        risks = self.risk[self._known][order]
        return np.cumsum(risks) / np.arange(1, len(risks) + 1)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
