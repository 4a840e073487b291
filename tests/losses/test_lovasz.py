"""Lovász losses against the definition on sets and against the sorted algorithm of the paper."""

import numpy as np
import pytest

from kseg.losses import LovaszHinge, LovaszSoftmax
from tests.losses.helpers import gradient, random_case, value


def on_sets(errors, target):
    """Equation 8: errors in falling order, each times the growth of 1 - IoU of the wrong set."""
    order = np.argsort(-errors, kind="stable")
    total, before, wrong = 0.0, 0.0, np.zeros(len(errors), bool)
    for index in order:
        wrong[index] = True
        predicted = target ^ wrong
        union = (target | predicted).sum()
        after = 1 - (target & predicted).sum() / union if union else 0.0
        total += errors[index] * (after - before)
        before = after
    return total


def sorted_reference(errors, target):
    """Algorithm 1 of the paper: the loss and its slope for each pixel."""
    order = np.argsort(-errors, kind="stable")
    truth = target[order]
    intersection = truth.sum() - truth.cumsum()
    union = truth.sum() + (1 - truth).cumsum()
    steps = np.diff(1 - intersection / union, prepend=0)
    slopes = np.empty(len(errors))
    slopes[order] = steps
    return errors[order] @ steps, slopes


def softmax_reference(mask, p, over="batch", classes="present", loss_of=sorted_reference):
    if p.shape[-1] == 1:
        p = np.concatenate([1 - p, p], axis=-1)
    groups = [(mask, p)] if over == "batch" else list(zip(mask, p, strict=True))
    means = []
    for truth, predicted in groups:
        truth, predicted = truth[truth != 255], predicted[truth != 255]
        chosen = range(p.shape[-1]) if isinstance(classes, str) else classes
        losses = [
            loss_of(np.abs((truth == index) - predicted[:, index]), (truth == index).astype(int))[0]
            for index in chosen
            if classes != "present" or (truth == index).any()
        ]
        means.append(np.mean(losses))
    return np.mean(means)


def test_both_references_agree():
    rng = np.random.default_rng(0)
    for _ in range(20):
        errors, target = rng.uniform(size=12), rng.integers(0, 2, 12).astype(bool)
        target[0] = True
        expected = on_sets(errors, target)
        assert sorted_reference(errors, target.astype(int))[0] == pytest.approx(expected)


@pytest.mark.backend
def test_a_case_by_hand():
    # Foreground errors: 0.8 (missed), 0.5 (alarm), 0.1 (hit). 1 - IoU grows from 0 to 1/2 by the
    # miss, to 1 - 1/3 by the alarm, to 1: 0.8 / 2 + 0.5 / 6 + 0.1 / 3.
    mask = np.array([[[1, 0, 1]]])
    p = np.array([[[[0.2], [0.5], [0.9]]]])
    expected = 0.8 / 2 + 0.5 / 6 + 0.1 / 3
    assert value(LovaszSoftmax(classes=(1,))(mask, p)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.backend
@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("over", ["batch", "image"])
@pytest.mark.parametrize("shape", [(2, 5, 4), (3, 40, 50)])
def test_softmax_equals_the_papers_algorithm(classes, over, shape):
    mask, p, _ = random_case(classes, shape=shape)
    expected = softmax_reference(mask, p, over)
    assert value(LovaszSoftmax(over)(mask, p)) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("classes", ["all", (0, 2), (3,)])
def test_the_classes_that_count(classes):
    mask, p, _ = random_case(4, shape=(2, 30, 20))
    mask[mask == 3] = 255
    loss = LovaszSoftmax(classes=classes)
    assert value(loss(mask, p)) == pytest.approx(
        softmax_reference(mask, p, classes=classes), abs=2e-4
    )


def test_of_confident_masks_it_is_one_minus_iou():
    """On the corners of the cube the extension is the set function itself."""
    rng = np.random.default_rng(0)
    mask, other = rng.integers(0, 3, (2, 1, 30, 30))
    expected = np.mean(
        [
            1 - ((mask == i) & (other == i)).sum() / ((mask == i) | (other == i)).sum()
            for i in range(3)
        ]
    )
    assert value(LovaszSoftmax()(mask, np.eye(3)[other])) == pytest.approx(expected, rel=1e-5)


def test_its_slopes_are_those_of_the_papers_algorithm():
    mask, p, _ = random_case(3, shape=(1, 12, 10))
    got = gradient(lambda x: LovaszSoftmax(classes=(1,))(mask, x), p.astype(np.float32))
    valid = mask != 255
    truth = (mask[valid] == 1).astype(int)
    _, slopes = sorted_reference(np.abs(truth - p[valid][:, 1]), truth)
    np.testing.assert_allclose(got[valid][:, 1], np.where(truth, -slopes, slopes), atol=2e-4)


@pytest.mark.backend
@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("over", ["batch", "image"])
def test_hinge_equals_the_papers_binary_algorithm(classes, over):
    mask, _, logits = random_case(classes, shape=(2, 30, 20))
    logits = 3 * logits
    margin = logits[..., 0] if classes == 1 else logits[..., 1] - logits[..., 0]
    groups = [(mask, margin)] if over == "batch" else list(zip(mask, margin, strict=True))
    expected = []
    for truth, score in groups:
        truth, score = truth[truth != 255].astype(int), score[truth != 255]
        errors = np.maximum(1 - score * (2 * truth - 1), 0)
        expected.append(sorted_reference(errors, truth)[0])
    loss = LovaszHinge(over, classes=(1,), from_logits=True)
    assert value(loss(mask, logits)) == pytest.approx(np.mean(expected), rel=1e-4)


def test_hinge_of_far_logits_has_a_slope():
    mask, logits = np.array([[[1, 0]]]), np.array([[[[-40.0], [60.0]]]], np.float32)
    loss = LovaszHinge(classes=(1,), from_logits=True)
    assert value(loss(mask, logits)) == pytest.approx((61 * 1 + 41 * 1) / 2, rel=1e-3)
    assert np.abs(gradient(lambda x: loss(mask, x), logits)).min() > 0.1
