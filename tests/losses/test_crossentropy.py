"""Cross-entropy against NumPy in float64, and what void pixels must never do."""

import keras
import numpy as np
import pytest

from kseg.losses import CrossEntropy

pytestmark = pytest.mark.backend


def reference(mask, probabilities, weights=None, ignore=255):
    """sum_i w[t_i] * -log p_i[t_i] / sum_i w[t_i], in float64, pixel by pixel."""
    total = weight_sum = 0.0
    for index in np.ndindex(mask.shape):
        target = mask[index]
        if target == ignore:
            continue
        weight = 1.0 if weights is None else weights[target]
        p = probabilities[index]
        value = p[target] if p.size > 1 else (p[0] if target else 1 - p[0])
        total += weight * -np.log(value)
        weight_sum += weight
    return total / weight_sum if weight_sum else 0.0


def random_case(classes, seed=0, shape=(2, 5, 4)):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, max(2, classes), shape).astype(np.uint8)
    mask[rng.uniform(size=shape) < 0.3] = 255
    logits = rng.normal(size=(*shape, classes))
    if classes == 1:
        return mask, 1 / (1 + np.exp(-logits)), logits
    return mask, np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), logits


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
def test_equals_the_formula(classes, weighted, from_logits):
    mask, probabilities, logits = random_case(classes)
    weights = np.linspace(0.5, 3, max(2, classes)) if weighted else None
    loss = CrossEntropy(class_weights=weights, from_logits=from_logits)
    got = float(loss(mask, logits if from_logits else probabilities))
    assert got == pytest.approx(reference(mask, probabilities, weights), rel=1e-5)


def test_a_case_by_hand():
    # Right with 0.5, right with 0.25, void: (ln 2 + ln 4) / 2 = 1.5 ln 2.
    mask = np.array([[[0, 1, 255]]])
    probabilities = np.array([[[[0.5, 0.5], [0.75, 0.25], [0.1, 0.9]]]])
    assert float(CrossEntropy()(mask, probabilities)) == pytest.approx(1.5 * np.log(2), rel=1e-6)


@pytest.mark.parametrize("ignore", [255, 11, None])
def test_another_void_index(ignore):
    mask, probabilities, _ = random_case(3)
    mask = np.where(mask == 255, 0 if ignore is None else ignore, mask)
    got = float(CrossEntropy(ignore_class=ignore)(mask, probabilities))
    assert got == pytest.approx(reference(mask, probabilities, ignore=ignore), rel=1e-5)


def test_a_last_axis_of_one_is_taken():
    mask, probabilities, _ = random_case(3)
    assert float(CrossEntropy()(mask[..., None], probabilities)) == pytest.approx(
        float(CrossEntropy()(mask, probabilities)), rel=1e-6
    )


def trained_once(mask, images, classes=3):
    """Return loss and weights of a 1x1 convolution after one step of plain gradient descent."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(images.shape[1:])
    activation = "sigmoid" if classes == 1 else "softmax"
    model = keras.Model(inputs, keras.layers.Conv2D(classes, 1, activation=activation)(inputs))
    model.compile(keras.optimizers.SGD(1.0), CrossEntropy(), jit_compile=False)
    before = model.get_weights()
    loss = model.train_on_batch(images, mask)
    return float(loss), before, model.get_weights()


@pytest.mark.parametrize("classes", [1, 3])
def test_what_lies_under_void_changes_neither_loss_nor_gradient(classes):
    rng = np.random.default_rng(0)
    mask, _, _ = random_case(classes)
    images = rng.normal(size=(*mask.shape, 2))
    changed = np.where(mask[..., None] == 255, 100 * rng.normal(size=images.shape), images)
    loss, _, weights = trained_once(mask, images, classes)
    other_loss, _, other_weights = trained_once(mask, changed, classes)
    assert loss == pytest.approx(other_loss, rel=1e-6)
    for one, other in zip(weights, other_weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_batch_of_void_gives_zero_and_no_gradient():
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 2))
    loss, before, after = trained_once(np.full((2, 4, 4), 255), images)
    assert loss == 0
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_probabilities_of_zero_and_one_stay_finite():
    mask = np.array([[[0, 1]]])
    wrong = np.array([[[[0.0, 1.0], [1.0, 0.0]]]])
    assert np.isfinite(float(CrossEntropy()(mask, wrong)))
    assert float(CrossEntropy()(mask, 1 - wrong)) == pytest.approx(0, abs=1e-6)


def test_sums_are_float32_over_a_million_pixels():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.01, 0.99, (1, 1024, 1024))
    probabilities = np.stack([p, 1 - p], axis=-1)
    mask = np.zeros((1, 1024, 1024), np.uint8)
    got = float(CrossEntropy()(mask, probabilities.astype(np.float32)))
    assert got == pytest.approx(-np.log(p).mean(), rel=1e-4)


def test_survives_a_round_trip():
    loss = CrossEntropy(7, [1, 2, 3], True, name="ce")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize(
    "weights", [[1, -1], [0, 0], [float("nan"), 1], [float("inf"), 1], 2, "median"]
)
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError, match="at least 0"):
        CrossEntropy(class_weights=weights)


def test_a_wrong_number_of_weights_is_refused():
    mask, probabilities, _ = random_case(3)
    with pytest.raises(ValueError, match="as many entries as classes: 3"):
        CrossEntropy(class_weights=[1, 2])(mask, probabilities)


def test_one_hot_masks_are_refused_with_the_mend():
    _, probabilities, _ = random_case(3)
    with pytest.raises(ValueError, match="argmax"):
        CrossEntropy()(probabilities, probabilities)
