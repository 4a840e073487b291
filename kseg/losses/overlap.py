"""Losses of regions: how far the predicted and the true pixels of a class overlap.

Each is a function of four sums per class: Dice, Jaccard, Tversky, and Matthews' correlation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras import KerasTensor, ops

from kseg import _checks
from kseg.errors import KsegError
from kseg.losses.base import Pixels, SegmentationLoss, probabilities, quotient, sum_over


class Sums(NamedTuple):
    """Sums per class over pixels, each `(..., classes)`, at least 0.

    t is 1 where the pixel is of the class, else 0, and p the probability of the class. Each sum is
    made for itself: the difference of two large ones would have few digits left.

    Attributes:
        true_positives: Sum of p t.
        false_positives: Sum of p (1 - t).
        false_negatives: Sum of (1 - p) t.
        true_negatives: Sum of (1 - p) (1 - t).
    """

    true_positives: KerasTensor
    false_positives: KerasTensor
    false_negatives: KerasTensor
    true_negatives: KerasTensor

    @property
    def true(self) -> KerasTensor:
        """Sum of t."""
        return self.true_positives + self.false_negatives


def dice(sums: Sums, smooth: float = 0.0) -> KerasTensor:
    """Compute 1 - (2 sum p t + smooth) / (sum p + sum t + smooth) per class, in [0, 1].

    References:
        Dice 1945; as a loss Milletari, Navab and Ahmadi 2016, https://arxiv.org/abs/1606.04797,
        without the squares of its Section 3.
    """
    both = 2 * sums.true_positives
    return _distance(both + smooth, both + sums.false_positives + sums.false_negatives + smooth)


def jaccard(sums: Sums, smooth: float = 0.0) -> KerasTensor:
    """Compute 1 - (sum p t + smooth) / (sum p + sum t - sum p t + smooth) per class, in [0, 1].

    References:
        Rahman and Wang 2016, https://doi.org/10.1007/978-3-319-50835-1_22, Equation 3.
    """
    return tversky(sums, 1, 1, smooth)


def tversky(sums: Sums, alpha: float, beta: float, smooth: float = 0.0) -> KerasTensor:
    """Compute 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth) per class, in [0, 1].

    TP = sum p t, FP = sum p (1 - t), FN = sum (1 - p) t. Dice is alpha = beta = 0.5, Jaccard 1.

    References:
        Salehi, Erdogmus and Gholipour 2017, https://arxiv.org/abs/1706.05721, Equation 4.
    """
    errors = alpha * sums.false_positives + beta * sums.false_negatives
    return _distance(sums.true_positives + smooth, sums.true_positives + errors + smooth)


def matthews(sums: Sums, smooth: float = 0.0) -> KerasTensor:
    """Compute 1 - Matthews' correlation of p and t per class, in [0, 2].

    With N pixels: 1 - (TP TN - FP FN) / N / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN) / N^2 +
    smooth). A class that all pixels are of has no correlation, and the loss 0.

    References:
        Matthews 1975; as a loss Abhishek and Hamarneh 2021, https://arxiv.org/abs/2010.13454,
        Equation 6.
    """
    tp, fp, fn, tn = sums
    positives, negatives = tp + fn, tn + fp
    pixels = ops.maximum(positives + negatives, 1.0)
    agreement = tp * (tn / pixels) - fp * (fn / pixels)
    spread = (tp + fp) * ((tn + fn) / pixels) * positives * (negatives / pixels)
    spread = ops.sqrt(ops.maximum(spread + smooth, keras.config.epsilon()))
    has_both = ops.logical_and(positives > 0, negatives > 0)
    return ops.where(has_both, 1 - agreement / spread, 0.0)


class ClassLoss(SegmentationLoss):
    """A loss per class, of which the mean over classes is taken; the base of what is not pixelwise.

    Args:
        over: "batch" for sums over the whole batch, or "image" for a loss per image, then the
            mean over the images that have a valid pixel.
        classes: The classes that count: "present" for those that occur in the target (of the batch
            or of the image), "all", or their indices, such as (1,) for the foreground alone.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: Weights of the classes in their mean, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.
    """

    def __init__(
        self,
        over: str,
        classes: str | Sequence[int],
        ignore_class: int | None,
        class_weights: Sequence[float] | None,
        from_logits: bool,
        name: str | None,
    ) -> None:
        super().__init__(ignore_class, class_weights, from_logits, name)
        self.over = _checks.one_of(over, ("batch", "image"), "over")
        self.classes = _checks.classes(classes)

    def check(self, classes: int) -> None:
        """Refuse class weights, a void index and indices of classes that do not fit."""
        super().check(classes)
        if not isinstance(self.classes, str) and max(self.classes) >= classes:
            raise KsegError(
                f"classes must be from 0 to {classes - 1}, the classes of the model. Received: "
                f"{self.classes}."
            )

    def mean(self, losses: KerasTensor, true: KerasTensor, pixels: Pixels) -> KerasTensor:
        """Take the mean over the classes that count, then over the images.

        Args:
            losses: `(classes,)`, or `(batch, classes)` where there is one per image.
            true: True pixels of each class, of the same shape.
            pixels: The batch.
        """
        each = self.class_weights or (1.0,) * pixels.classes
        if not isinstance(self.classes, str):
            each = tuple(w if index in self.classes else 0.0 for index, w in enumerate(each))
        weights = ops.convert_to_tensor(each, dtype=losses.dtype)
        counts = true if self.classes == "present" else ops.sum(true, axis=-1, keepdims=True)
        weights = weights * ops.cast(counts > 0, losses.dtype)
        losses = quotient(ops.sum(weights * losses, axis=-1), ops.sum(weights, axis=-1))
        if self.over == "batch":
            return losses
        spatial = tuple(range(1, len(pixels.valid.shape)))
        valid = sum_over(pixels.valid, spatial)
        sample_weights = quotient(sum_over(pixels.weights, spatial), valid)
        images = ops.sum(ops.cast(valid > 0, losses.dtype))
        return quotient(ops.sum(losses * sample_weights), images)


class RegionLoss(ClassLoss):
    """A loss of four sums per class; the base of `Dice`, `Jaccard`, `Tversky` and `MCC`.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of pixels, at least 0, added above and below the fraction. The larger, the
            less small regions count. Only "all" classes need one: a class that is neither there nor
            predicted then loses nothing.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.
    """

    def __init__(
        self,
        over: str = "batch",
        classes: str | Sequence[int] = "present",
        smooth: float = 0.0,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(over, classes, ignore_class, class_weights, from_logits, name)
        self.smooth = _checks.at_least(smooth, 0, "smooth")

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return the loss per class."""
        raise NotImplementedError

    def compute(self, pixels: Pixels) -> KerasTensor:
        """Return the mean over classes and images."""
        p = probabilities(pixels, self.from_logits)
        t = ops.one_hot(pixels.target, pixels.classes, dtype=p.dtype)
        weights = pixels.weights[..., None]
        inside, outside = t * weights, (1 - t) * weights
        spatial = tuple(range(0 if self.over == "batch" else 1, len(p.shape) - 1))
        sums = Sums(
            sum_over(p * inside, spatial),
            sum_over(p * outside, spatial),
            sum_over((1 - p) * inside, spatial),
            sum_over((1 - p) * outside, spatial),
        )
        return self.mean(self.of_class(sums), sums.true, pixels)


@keras.saving.register_keras_serializable(package="kseg.losses")
class Dice(RegionLoss):
    """1 - Dice coefficient, the mean over the classes, each of which counts alike however small.

    Per class: 1 - (2 sum p t + smooth) / (sum p + sum t + smooth). For classes of very unequal
    size. Alone it learns slowly at first and gives probabilities near 0 and 1; with cross-entropy
    it does neither.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of pixels, at least 0, added above and below the fraction.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> round(float(kseg.losses.Dice()(mask, predicted)), 3)  # 1 - 2 / 3 for both classes
        0.333

    References:
        Milletari, Navab and Ahmadi 2016, https://arxiv.org/abs/1606.04797, without its squares.
    """

    default_name = "dice"

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return 1 - Dice."""
        return dice(sums, self.smooth)


@keras.saving.register_keras_serializable(package="kseg.losses")
class Jaccard(RegionLoss):
    """1 - soft intersection over union, the mean over the classes.

    Per class: 1 - (sum p t + smooth) / (sum p + sum t - sum p t + smooth). As `Dice`, but what is
    half right costs more. `LovaszSoftmax` follows the IoU of the classes that are chosen more
    closely.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of pixels, at least 0, added above and below the fraction.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> float(kseg.losses.Jaccard()(mask, predicted))  # 1 - 1 / 2 for both classes
        0.5

    References:
        Rahman and Wang 2016, https://doi.org/10.1007/978-3-319-50835-1_22, Equation 3.
    """

    default_name = "jaccard"

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return 1 - IoU."""
        return jaccard(sums, self.smooth)


@keras.saving.register_keras_serializable(package="kseg.losses")
class Tversky(RegionLoss):
    """1 - Tversky index: Dice in which false positives and false negatives cost differently.

    Per class: 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth). Where a missed pixel is worse
    than a false alarm, beta is the larger one.

    Args:
        alpha: Cost of false positives, at least 0.
        beta: Cost of false negatives, at least 0.
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of pixels, at least 0, added above and below the fraction.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> loss = kseg.losses.Tversky(alpha=0.3, beta=0.7, classes=(1,))
        >>> round(float(loss(mask, predicted)), 3)  # 1 - 1 / (1 + 0.7 * 1), one pixel is missed
        0.412

    References:
        Salehi, Erdogmus and Gholipour 2017, https://arxiv.org/abs/1706.05721, Equation 4; the
        defaults are their best ones.
    """

    default_name = "tversky"

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        over: str = "batch",
        classes: str | Sequence[int] = "present",
        smooth: float = 0.0,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(over, classes, smooth, ignore_class, class_weights, from_logits, name)
        self.alpha = _checks.at_least(alpha, 0, "alpha")
        self.beta = _checks.at_least(beta, 0, "beta")

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return 1 - Tversky index."""
        return tversky(sums, self.alpha, self.beta, self.smooth)


@keras.saving.register_keras_serializable(package="kseg.losses")
class FocalTversky(Tversky):
    """The Tversky loss of each class to the power of 1 / gamma.

    With gamma above 1 the classes that are nearly right keep a larger part in the loss. The paper
    writes alpha for false negatives; here, as in `Tversky`, alpha is for false positives.

    Args:
        gamma: Above 0; the paper's best is 4/3.
        alpha: Cost of false positives, at least 0.
        beta: Cost of false negatives, at least 0.
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of pixels, at least 0, added above and below the fraction.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> loss = kseg.losses.FocalTversky(gamma=2, alpha=0.5, beta=0.5)
        >>> round(float(loss(mask, predicted)), 3)  # the square root of 1 / 3, the Dice loss
        0.577

    References:
        Abraham and Khan 2019, https://arxiv.org/abs/1810.07842, Equation 4.
    """

    default_name = "focal_tversky"

    def __init__(
        self,
        gamma: float = 4 / 3,
        alpha: float = 0.3,
        beta: float = 0.7,
        over: str = "batch",
        classes: str | Sequence[int] = "present",
        smooth: float = 0.0,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            alpha, beta, over, classes, smooth, ignore_class, class_weights, from_logits, name
        )
        self.gamma = _checks.above(gamma, 0, "gamma")

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return (1 - Tversky index) ** (1 / gamma)."""
        return ops.maximum(super().of_class(sums), keras.config.epsilon()) ** (1 / self.gamma)


@keras.saving.register_keras_serializable(package="kseg.losses")
class MCC(RegionLoss):
    """1 - Matthews' correlation coefficient, the mean over the classes, in [0, 2].

    It takes the true negatives into account, which Dice does not see. A prediction that does not
    depend on the image gives 1.

    Args:
        over: "batch" for sums over the whole batch; "image" for a loss per image, then their mean.
        classes: The classes that count: "present" (those in the target), "all", or their indices.
        smooth: A number of square pixels, at least 0; it keeps the gradient small where a class is
            hardly predicted.
        ignore_class: Index of void pixels, outside the classes; `None` for none.
        class_weights: One weight per class, at least 0; `None` weights all alike.
        from_logits: Whether the model gives logits instead of probabilities.
        name: Name of the loss.

    Raises:
        KsegError: An argument is out of its range or, at the first call, does not fit the classes.

    Example:
        >>> mask = np.array([[[1, 1, 0]]])  # one image of one row
        >>> predicted = np.array([[[[0, 1], [1, 0], [1, 0]]]])  # the second pixel is wrong
        >>> loss = kseg.losses.MCC(smooth=0)
        >>> round(float(loss(mask, predicted)), 3)  # 1 - (1 * 1 - 0 * 1) / sqrt(1 * 2 * 1 * 2)
        0.5

    References:
        Abhishek and Hamarneh 2021, https://arxiv.org/abs/2010.13454, Equation 6.
    """

    default_name = "mcc"

    def __init__(
        self,
        over: str = "batch",
        classes: str | Sequence[int] = "present",
        smooth: float = 0.01,
        ignore_class: int | None = 255,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(over, classes, smooth, ignore_class, class_weights, from_logits, name)

    def of_class(self, sums: Sums) -> KerasTensor:
        """Return 1 - correlation."""
        return matthews(sums, self.smooth)


def _distance(over: KerasTensor, under: KerasTensor) -> KerasTensor:
    return 1 - quotient(over, under, empty=1.0)
