"""Dice, Jaccard, Tversky, focal Tversky and Matthews' correlation against NumPy in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseg.losses import MCC, Dice, FocalTversky, Jaccard, Tversky, make_loss
from tests.losses.helpers import gradient, random_case, value

REGIONS = ("dice", "jaccard", "tversky", "focal_tversky", "mcc")


def of_class(name, p, t, smooth=0.0):
    """The loss of one class of valid pixels, each formula written from its paper."""
    tp, fp, fn, tn = (
        (p * t).sum(),
        (p * (1 - t)).sum(),
        ((1 - p) * t).sum(),
        ((1 - p) * (1 - t)).sum(),
    )
    if name == "dice":
        return 1 - (2 * tp + smooth) / (2 * tp + fp + fn + smooth)
    if name == "jaccard":
        return 1 - (tp + smooth) / (tp + fp + fn + smooth)
    index = (tp + smooth) / (tp + 0.3 * fp + 0.7 * fn + smooth)
    if name == "tversky":
        return 1 - index
    if name == "focal_tversky":
        return (1 - index) ** (3 / 4)
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    # smooth is a number of pixels squared: the product has four factors of N, the formula two.
    return 1 - (tp * tn - fp * fn) / np.sqrt(product + smooth * t.size**2)


def reference(name, mask, p, over="batch", classes="present", smooth=0.0, weights=None):
    """The mean over classes, then over images, in float64, with Python loops."""
    if p.shape[-1] == 1:
        p = np.concatenate([1 - p, p], axis=-1)
    groups = [(mask, p)] if over == "batch" else list(zip(mask, p, strict=True))
    means = []
    for truth, predicted in groups:
        valid = truth != 255
        truth, predicted = truth[valid], predicted[valid]
        total = weight_sum = 0.0
        for index in range(p.shape[-1]):
            is_present = (truth == index).any()
            if not (
                classes == "all" or is_present if isinstance(classes, str) else index in classes
            ):
                continue
            weight = 1.0 if weights is None else weights[index]
            target = (truth == index).astype(float)
            total += weight * of_class(name, predicted[:, index], target, smooth)
            weight_sum += weight
        if len(truth):
            means.append(total / weight_sum if weight_sum else 0.0)
    return np.mean(means)


@pytest.mark.backend
@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("classes", [1, 2, 4])
@pytest.mark.parametrize("over", ["batch", "image"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_formula(name, classes, over, weighted):
    mask, p, _ = random_case(classes)
    weights = np.linspace(0.5, 2, max(2, classes)) if weighted else None
    smooth = 0.01 if name == "mcc" else 0.0
    loss = type(make_loss(name))(over=over, class_weights=weights)
    expected = reference(name, mask, p, over, weights=weights, smooth=smooth)
    assert value(loss(mask, p)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("over", ["batch", "image"])
@pytest.mark.parametrize("classes", ["present", "all", (1,), (0, 3)])
def test_the_classes_that_count(name, over, classes):
    mask, p, _ = random_case(4)
    mask[mask == 3] = 0
    mask[1][mask[1] == 2] = 1
    if name == "mcc" and classes in ("all", (0, 3)):
        pytest.skip("a class that is nowhere has no correlation: see the next test")
    loss = type(make_loss(name))(over=over, classes=classes, smooth=0.5)
    expected = reference(name, mask, p, over, classes, 0.5)
    assert value(loss(mask, p)) == pytest.approx(expected, rel=1e-5)


def test_a_class_that_fills_everything_or_nothing_has_no_correlation():
    mask = np.zeros((1, 3, 3), int)
    p = random_case(2, shape=(1, 3, 3))[1]
    assert value(MCC(classes="all")(mask, p)) == 0


@pytest.mark.backend
def test_cases_by_hand():
    # Foreground: sum p t = 0.9 + 0.6 = 1.5, sum p = 0.9 + 0.6 + 0.5 + 0 = 2, sum t = 2.
    mask = np.array([[[1, 1], [0, 0]]])
    p = np.array([[[[0.9], [0.6]], [[0.5], [0.0]]]])
    of = {"classes": (1,)}
    assert value(Dice(**of)(mask, p)) == pytest.approx(1 - 3 / 4)
    assert value(Jaccard(**of)(mask, p)) == pytest.approx(1 - 1.5 / 2.5)
    assert value(Tversky(0.2, 0.8, **of)(mask, p)) == pytest.approx(1 - 1.5 / (1.5 + 0.1 + 0.4))
    assert value(FocalTversky(2, 0.2, 0.8, **of)(mask, p)) == pytest.approx(0.25**0.5)
    # Covariance 1.5/4 - 2/4 * 2/4 = 1/8, variances 1/4 each.
    assert value(MCC(smooth=0, **of)(mask, p)) == pytest.approx(0.5)
    assert value(Dice(smooth=2, **of)(mask, p)) == pytest.approx(1 - 5 / 6)


def test_alpha_is_the_cost_of_false_positives():
    """Keras had alpha and beta swapped until 2026."""
    mask = np.array([[[1, 1, 0, 0]]])
    alarm, miss = (np.array([[[[p] for p in ps]]], float) for ps in ((1, 1, 1, 0), (1, 0, 0, 0)))
    loss = Tversky(0.9, 0.1, classes=(1,))
    assert value(loss(mask, alarm)) == pytest.approx(1 - 2 / 2.9)
    assert value(loss(mask, miss)) == pytest.approx(1 - 1 / 1.1)


def test_dice_and_jaccard_are_cases_of_tversky():
    mask, p, _ = random_case(3)
    assert value(Tversky(0.5, 0.5)(mask, p)) == pytest.approx(value(Dice()(mask, p)), rel=1e-6)
    assert value(Tversky(1, 1)(mask, p)) == pytest.approx(value(Jaccard()(mask, p)), rel=1e-6)
    assert value(FocalTversky(1)(mask, p)) == pytest.approx(value(Tversky()(mask, p)), rel=1e-6)


def test_the_background_does_not_drown_the_rest():
    """Keras's Dice pools all classes: 99 % of right background would hide a missed class."""
    mask = np.zeros((1, 10, 10), int)
    mask[0, 0, 0] = 1
    p = np.stack([np.ones((1, 10, 10)), np.zeros((1, 10, 10))], axis=-1)
    assert value(Dice()(mask, p)) == pytest.approx((1 - 2 * 99 / 199 + 1) / 2)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_a_perfect_prediction_of_few_pixels_costs_nearly_nothing(side):
    mask = np.zeros((1, 64, 64), int)
    mask[0, :side, :side] = 1
    for name in REGIONS:
        for over in ("batch", "image"):
            loss = type(make_loss(name))(over=over)
            assert value(loss(mask, np.eye(2)[mask])) == pytest.approx(0, abs=6e-3)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(20)), st.sampled_from(REGIONS))
def test_the_order_of_pixels_does_not_matter(order, name):
    mask, p, _ = random_case(3, shape=(2, 20))
    shuffled = value(make_loss(name)(mask[:, list(order)], p[:, list(order)]))
    assert shuffled == pytest.approx(value(make_loss(name)(mask, p)), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(REGIONS), st.integers(0, 9), st.floats(0.01, 1))
def test_more_of_the_true_class_never_costs_more(name, place, step):
    mask, p, _ = random_case(2, shape=(1, 10))
    mask[mask == 255] = 1
    better = p.copy()
    target = mask[0, place]
    better[0, place, target] += step * (1 - better[0, place, target])
    better[0, place, 1 - target] = 1 - better[0, place, target]
    assert value(make_loss(name)(mask, better)) <= value(make_loss(name)(mask, p)) + 1e-6


@pytest.mark.parametrize("name", REGIONS)
def test_only_classes_that_count_are_learned(name):
    mask, p, _ = random_case(3)
    loss = type(make_loss(name))(classes=(2,))
    slopes = gradient(lambda x: loss(mask, x), p.astype(np.float32))
    assert (slopes[..., :2] == 0).all()
    assert np.abs(slopes[..., 2]).sum() > 0


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Dice(over="pixel"), "Unknown over 'pixel'"),
        (lambda: Dice(smooth=-1), "smooth must be"),
        (lambda: Tversky(alpha=-1), "alpha must be"),
        (lambda: Tversky(beta=float("inf")), "beta must be"),
        (lambda: FocalTversky(gamma=0), "gamma must be"),
    ],
)
def test_wrong_arguments_are_refused(make, expected):
    with pytest.raises(ValueError, match=expected):
        make()
