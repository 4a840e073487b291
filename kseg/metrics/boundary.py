"""Scores of borders: how well the outline of each class is met, in pixels.

The outline of a class are its pixels that touch, by an edge, a valid pixel of another class. The
image's own edge and void are no outline, and what is predicted under void counts as void.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, find_objects

from kseg import _checks
from kseg.errors import KsegError
from kseg.metrics.confusion import valid_pixels
from kseg.metrics.scores import divided, mean_of


@dataclass(frozen=True)
class BorderScores:
    """Scores of the borders of a data set, each an array of one number per class.

    Counts are summed over the images before they are divided. Distances are of each image that
    holds the class in truth and in prediction, and then their mean.

    Attributes:
        tolerance: The distance, in pixels, up to which an outline is met.
        counts: Pixels, int64, `(6, classes)`: predicted outline, its part within the tolerance of
            the true one, true outline, its part within the tolerance of the predicted one; inner
            band in both, inner band in either.
        distances: Sums over images, float64, `(3, classes)`: images, Hausdorff distance (95 %),
            average surface distance.
    """

    tolerance: float
    counts: np.ndarray
    distances: np.ndarray

    def __add__(self, other: "BorderScores") -> "BorderScores":
        """Return the scores of both sets of images together.

        Raises:
            KsegError: Their tolerances differ.
        """
        if self.tolerance != other.tolerance:
            raise KsegError(
                "Only border scores of one tolerance add up. Received: "
                f"{self.tolerance:g} and {other.tolerance:g} pixels."
            )
        counts, distances = self.counts + other.counts, self.distances + other.distances
        return BorderScores(self.tolerance, counts, distances)

    @property
    def f1(self) -> np.ndarray:
        """Boundary F1 in [0, 1]: harmonic mean of precision and recall.

        NaN where no true outline is to be seen, as where a border of void hides them all.

        References:
            Csurka, Larlus and Perronnin 2013, https://doi.org/10.5244/C.27.32, Section 3; there a
            score per image, then the mean.
        """
        predicted, met_predicted, true, met_true, _, _ = self.counts
        precision, recall = divided(met_predicted, predicted), divided(met_true, true)
        f1 = divided(2 * precision * recall, precision + recall)
        return np.where(true > 0, np.nan_to_num(f1), np.nan)

    @property
    def iou(self) -> np.ndarray:
        """Boundary IoU in [0, 1]: of the bands within the tolerance inside the outlines.

        NaN where no true outline is to be seen.

        References:
            Cheng et al. 2021, https://arxiv.org/abs/2103.16562, Equation 2; there the image's edge
            is an outline too.
        """
        return np.where(self.counts[2] > 0, divided(self.counts[4], self.counts[5]), np.nan)

    @property
    def hausdorff_95(self) -> np.ndarray:
        """Hausdorff distance in pixels, its 95th percentile; NaN where no image has both.

        The larger of the two percentiles, from the true outline to the predicted one and back.

        References:
            Huttenlocher, Klanderman and Rucklidge 1993, https://doi.org/10.1109/34.232073.
        """
        return divided(self.distances[1], self.distances[0])

    @property
    def surface_distance(self) -> np.ndarray:
        """Average symmetric surface distance in pixels; NaN where no image has both.

        References:
            Heimann et al. 2009, https://doi.org/10.1109/TMI.2009.2013851, Section III.
        """
        return divided(self.distances[2], self.distances[0])

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The scores of each class by name."""
        return {
            "boundary_f1": self.f1,
            "boundary_iou": self.iou,
            "hausdorff_95": self.hausdorff_95,
            "surface_distance": self.surface_distance,
        }

    @property
    def means(self) -> dict[str, float]:
        """The means over the classes that have a score; NaN where none has."""
        return {name: mean_of(column) for name, column in self.columns.items()}


def score_borders(
    truth: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    ignore: int | None = 255,
    tolerance: float = 3,
) -> BorderScores:
    """Score the borders of one image; add the results of several.

    Args:
        truth: Class indices, int, `(height, width)`.
        predicted: Class indices, int, the same shape.
        num_classes: Classes.
        ignore: The index of void pixels; `None` for none.
        tolerance: Distance in pixels, above 0.

    Raises:
        KsegError: The tolerance is not above 0.

    Example:
        >>> truth = np.zeros((8, 8), int)
        >>> truth[:, 4:] = 1
        >>> borders = kseg.metrics.score_borders(truth, np.roll(truth, 1, axis=1), 2, tolerance=1)
        >>> borders.hausdorff_95  # the outline between the classes lies one pixel off
        array([..., ...])
    """
    _checks.above(tolerance, 0, "tolerance")
    valid = valid_pixels(truth, num_classes, ignore)
    counts, distances = np.zeros((6, num_classes), np.int64), np.zeros((3, num_classes))
    for index in range(num_classes):
        true, guess = (valid & (mask == index) for mask in (truth, predicted))
        window = _window(true | guess)
        if window is None:
            continue
        true, guess = true[window], guess[window]
        true_line, guess_line = (_outline(inside, valid[window]) for inside in (true, guess))
        to_true, to_guess = _distance(true_line), _distance(guess_line)
        out, back = to_true[guess_line], to_guess[true_line]
        true_band, guess_band = true & (to_true < tolerance), guess & (to_guess < tolerance)
        counts[:, index] = (
            out.size,
            (out <= tolerance).sum(),
            back.size,
            (back <= tolerance).sum(),
            (true_band & guess_band).sum(),
            (true_band | guess_band).sum(),
        )
        if out.size and back.size:
            farthest = max(np.percentile(out, 95), np.percentile(back, 95))
            distances[:, index] = 1, farthest, np.concatenate([out, back]).mean()
    return BorderScores(tolerance, counts, distances)


def _window(inside: np.ndarray) -> tuple[slice, slice] | None:
    """Return the part of the image that holds a class and one pixel around it, if it is there."""
    found = find_objects(inside.astype(np.uint8))
    if not found:
        return None
    rows, columns = (slice(max(side.start - 1, 0), side.stop + 1) for side in found[0])
    return rows, columns


def _outline(inside: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return inside & binary_dilation(valid & ~inside)


def _distance(line: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest one of an outline; infinite if there is none."""
    return distance_transform_edt(~line) if line.any() else np.full(line.shape, np.inf)
