"""Cross-entropy, focal and hardest-pixel losses against NumPy in float64, pixel by pixel."""

import numpy as np
import pytest

from kseg.losses import CrossEntropy, Focal, TopKCrossEntropy
from tests.losses.helpers import random_case, value


def reference(mask, probabilities, weights=None, ignore=255, smoothing=0.0, gamma=0.0):
    """sum_i w[t_i] * l_i / sum_i w[t_i], in float64, pixel by pixel.

    l_i is (1 - p_t)^gamma times -sum_c q_c log p_c, q_c = (1 - smoothing) [c = t] + smoothing / C.
    """
    total = weight_sum = 0.0
    for index in np.ndindex(mask.shape):
        target = mask[index]
        if target == ignore:
            continue
        weight = 1.0 if weights is None else weights[target]
        p = probabilities[index]
        p = p if p.size > 1 else np.array([1 - p[0], p[0]])
        spread = np.full(p.size, smoothing / p.size)
        spread[target] += 1 - smoothing
        total += weight * (1 - p[target]) ** gamma * -(spread * np.log(p)).sum()
        weight_sum += weight
    return total / weight_sum if weight_sum else 0.0


@pytest.mark.backend
@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
def test_equals_the_formula(classes, weighted, from_logits):
    mask, probabilities, logits = random_case(classes)
    weights = np.linspace(0.5, 3, max(2, classes)) if weighted else None
    loss = CrossEntropy(class_weights=weights, from_logits=from_logits)
    got = value(loss(mask, logits if from_logits else probabilities))
    assert got == pytest.approx(reference(mask, probabilities, weights), rel=1e-5)


def test_a_case_by_hand():
    # Right with 0.5, right with 0.25, void: (ln 2 + ln 4) / 2 = 1.5 ln 2.
    mask = np.array([[[0, 1, 255]]])
    probabilities = np.array([[[[0.5, 0.5], [0.75, 0.25], [0.1, 0.9]]]])
    assert value(CrossEntropy()(mask, probabilities)) == pytest.approx(1.5 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("ignore", [255, 11, None])
def test_another_void_index(ignore):
    mask, probabilities, _ = random_case(3)
    mask = np.where(mask == 255, 0 if ignore is None else ignore, mask)
    got = value(CrossEntropy(ignore_class=ignore)(mask, probabilities))
    assert got == pytest.approx(reference(mask, probabilities, ignore=ignore), rel=1e-5)


def test_a_last_axis_of_one_is_taken():
    mask, probabilities, _ = random_case(3)
    assert value(CrossEntropy()(mask[..., None], probabilities)) == pytest.approx(
        value(CrossEntropy()(mask, probabilities)), rel=1e-6
    )


def test_sums_are_float32_over_a_million_pixels():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.01, 0.99, (1, 1024, 1024))
    probabilities = np.stack([p, 1 - p], axis=-1)
    mask = np.zeros((1, 1024, 1024), np.uint8)
    got = value(CrossEntropy()(mask, probabilities.astype(np.float32)))
    assert got == pytest.approx(-np.log(p).mean(), rel=1e-4)


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("from_logits", [False, True])
def test_label_smoothing_equals_the_formula(classes, from_logits):
    mask, probabilities, logits = random_case(classes)
    loss = CrossEntropy(from_logits=from_logits, label_smoothing=0.1)
    expected = reference(mask, probabilities, smoothing=0.1)
    got = value(loss(mask, logits if from_logits else probabilities))
    assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("gamma", [0, 0.5, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_focal_equals_the_formula(classes, gamma, weighted):
    mask, probabilities, _ = random_case(classes)
    weights = np.linspace(0.5, 3, max(2, classes)) if weighted else None
    expected = reference(mask, probabilities, weights, gamma=gamma)
    got = value(Focal(gamma, class_weights=weights)(mask, probabilities))
    assert got == pytest.approx(expected, rel=1e-5)


def test_focal_by_hand():
    # Lin et al. 2017, Section 3.2: at p = 0.9 and gamma = 2 the loss is a hundredth of -log p.
    mask, probabilities = np.array([[[1]]]), np.array([[[[0.1, 0.9]]]])
    assert value(Focal(2)(mask, probabilities)) == pytest.approx(-np.log(0.9) / 100, rel=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("fraction", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_top_k_is_the_mean_of_the_hardest_valid_pixels(fraction, weighted):
    mask, probabilities, _ = random_case(3, shape=(2, 9, 7))
    weights = np.array([0.5, 1, 4]) if weighted else np.ones(3)
    target = mask[mask != 255]
    each = weights[target]
    losses = -np.log(probabilities[mask != 255][np.arange(len(target)), target]) * each
    hardest = np.argsort(-losses)[: int(np.ceil(fraction * len(losses)))]
    expected = losses[hardest].sum() / each[hardest].sum()
    loss = TopKCrossEntropy(fraction, class_weights=weights)
    assert value(loss(mask, probabilities)) == pytest.approx(expected, rel=1e-5)
    if fraction == 1:
        whole = CrossEntropy(class_weights=weights)
        assert value(whole(mask, probabilities)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: CrossEntropy(label_smoothing=1.0), "label_smoothing"),
        (lambda: CrossEntropy(label_smoothing=-0.1), "label_smoothing"),
        (lambda: Focal(-1), "gamma"),
        (lambda: Focal(float("nan")), "gamma"),
        (lambda: TopKCrossEntropy(0), "fraction"),
        (lambda: TopKCrossEntropy(1.5), "fraction"),
    ],
)
def test_wrong_arguments_are_refused(make, expected):
    with pytest.raises(ValueError, match=f"{expected} must be"):
        make()
