"""Metrics of `compile` against counting in NumPy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseg.metrics import (
    Dice,
    FrequencyWeightedIoU,
    IoU,
    MeanDice,
    MeanIoU,
    MeanPixelAccuracy,
    PixelAccuracy,
    Precision,
    Recall,
    Scores,
)
from kseg.metrics.streaming import _LIMB, ConfusionMetric

pytestmark = pytest.mark.backend


def random_case(classes, seed=0, shape=(6, 5, 4)):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, max(2, classes), shape).astype(np.uint8)
    mask[rng.uniform(size=shape) < 0.2] = 255
    return mask, rng.uniform(size=(*shape, classes)).astype(np.float32)


def counted(mask, predicted, classes):
    matrix = np.zeros((classes, classes), np.int64)
    for target, guess in zip(mask.ravel(), predicted.ravel(), strict=True):
        if target != 255:
            matrix[target, guess] += 1
    return matrix


@pytest.mark.parametrize("classes", [1, 2, 4])
@pytest.mark.parametrize("batch", [1, 2, 6])
def test_is_a_score_of_the_data_set_however_it_is_split(classes, batch):
    mask, outputs = random_case(classes)
    predicted = outputs[..., 0] >= 0.5 if classes == 1 else outputs.argmax(-1)
    expected = Scores(counted(mask, predicted.astype(int), max(2, classes)))
    iou, accuracy = MeanIoU(classes), PixelAccuracy(classes)
    for start in range(0, len(mask), batch):
        part = slice(start, start + batch)
        iou.update_state(mask[part], outputs[part])
        accuracy.update_state(mask[part], outputs[part])
    np.testing.assert_array_equal(iou.matrix, expected.matrix)
    assert float(iou.result()) == pytest.approx(expected.means["mean_iou"], rel=1e-6)
    assert float(accuracy.result()) == pytest.approx(expected.means["pixel_accuracy"], rel=1e-6)


@pytest.mark.parametrize("classes", [1, 4])
def test_every_score_is_that_of_the_one_confusion_matrix(classes):
    mask, outputs = random_case(classes)
    predicted = (outputs[..., 0] >= 0.5 if classes == 1 else outputs.argmax(-1)).astype(int)
    matrix = counted(mask, predicted, max(2, classes))
    right, truth, guessed = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    iou, dice = right / (truth + guessed - right), 2 * right / (truth + guessed)
    expected = {
        MeanIoU(classes): iou.mean(),
        MeanDice(classes): dice.mean(),
        MeanPixelAccuracy(classes): (right / truth).mean(),
        PixelAccuracy(classes): right.sum() / truth.sum(),
        FrequencyWeightedIoU(classes): (truth * iou).sum() / truth.sum(),
        IoU(classes, 1): iou[1],
        Dice(classes, 1): dice[1],
        Precision(classes, 1): right[1] / guessed[1],
        Recall(classes, 1): right[1] / truth[1],
    }
    for metric, value in expected.items():
        metric.update_state(mask, outputs)
        assert float(metric.result()) == pytest.approx(value, rel=1e-6), metric.name
        again = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert again.get_config() == metric.get_config()
    np.testing.assert_allclose(list(expected)[0].per_class(), iou)
    np.testing.assert_allclose(list(expected)[2].per_class(), right / truth)


def test_scores_of_a_class_have_names_and_none_without_pixels():
    assert [kind(3, 2).name for kind in (IoU, Dice, Precision, Recall)] == [
        "iou_2",
        "dice_2",
        "precision_2",
        "recall_2",
    ]
    metric = IoU(3, 2)
    metric.update_state(np.array([[[0, 1]]]), np.array([[[0, 1]]]))
    assert np.isnan(float(metric.result()))
    assert np.isnan(MeanIoU(3).per_class()).all()


def test_logits_and_another_threshold():
    mask = np.array([[[1, 0, 1]]])
    outputs = np.array([[[[-1.0], [-1.0], [2.0]]]], np.float32)
    metric = MeanIoU(1, threshold=0.0)
    metric.update_state(mask, outputs)
    np.testing.assert_array_equal(metric.matrix, [[1, 0], [1, 1]])
    probabilities = MeanIoU(1, threshold=0.2)
    probabilities.update_state(mask, np.array([[[[0.25], [0.1], [0.9]]]], np.float32))
    np.testing.assert_array_equal(probabilities.matrix, [[1, 0], [0, 2]])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_dice_and_iou_agree(seed):
    mask, outputs = random_case(3, seed)
    iou, dice = MeanIoU(3), MeanDice(3)
    for metric in (iou, dice):
        metric.update_state(mask, outputs)
    np.testing.assert_allclose(dice.per_class(), 2 * iou.per_class() / (1 + iou.per_class()))


def test_absent_classes_are_left_out():
    metric = MeanIoU(5)
    metric.update_state(np.array([[[0, 0, 1, 255]]]), np.array([[[0, 1, 1, 4]]]))
    assert float(metric.result()) == pytest.approx((1 / 2 + 1 / 2) / 2)


@pytest.mark.parametrize("last_axis", [False, True])
def test_class_maps_are_taken_as_they_are(last_axis):
    mask, outputs = random_case(4)
    predicted = outputs.argmax(-1)
    metric = MeanIoU(4)
    expand = (lambda x: x[..., None]) if last_axis else (lambda x: x)
    metric.update_state(expand(mask), expand(predicted))
    np.testing.assert_array_equal(metric.matrix, counted(mask, predicted, 4))


def test_void_may_be_an_index_next_to_the_classes():
    metric = MeanIoU(2, ignore_class=2)
    metric.update_state(np.array([[[0, 1, 2]]]), np.array([[[0, 0, 1]]]))
    np.testing.assert_array_equal(metric.matrix, [[1, 0], [1, 0]])


def test_counts_go_beyond_32_bits():
    metric = PixelAccuracy(2)
    metric.update_state(np.array([[[0]]]), np.array([[[0]]]))
    part = _LIMB - 1
    metric._low.assign(np.array([[part, 0], [0, 0]]))
    metric._high.assign(np.array([[9, 0], [0, 0]]))
    metric.update_state(np.zeros((1, 2, 2), np.int32), np.zeros((1, 2, 2), np.int32))
    assert metric.matrix[0, 0] == 9 * _LIMB + part + 4


def test_reset_starts_anew():
    metric = MeanIoU(2)
    metric.update_state(np.array([[[0, 1]]]), np.array([[[1, 1]]]))
    metric.reset_state()
    assert metric.matrix.sum() == 0
    assert float(metric.result()) == 0


def test_names_and_configuration():
    assert [MeanIoU(3).name, PixelAccuracy(3).name] == ["mean_iou", "pixel_accuracy"]
    metric = MeanIoU(3, 7, 0.25, "iou")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()


def test_works_in_fit_and_evaluate():
    mask, _ = random_case(3)
    images = np.random.default_rng(1).normal(size=(*mask.shape, 2))
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1, activation="softmax")(inputs))
    model.compile("sgd", "mse", metrics=[MeanIoU(3)])
    predicted = keras.ops.convert_to_numpy(model(images)).argmax(-1)
    expected = Scores(counted(mask, predicted, 3)).means["mean_iou"]
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=255), metrics=[MeanIoU(3)]
    )
    logs = model.evaluate(images, mask, batch_size=2, verbose=0, return_dict=True)
    assert logs["mean_iou"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.backend
@pytest.mark.parametrize("compiled", [False, True])
def test_counts_the_same_in_a_training_step_compiled_or_not(compiled):
    if keras.backend.backend() == "torch" and compiled:
        pytest.skip("Keras does not compile on PyTorch")
    mask, _ = random_case(3)
    images = np.random.default_rng(1).normal(size=(*mask.shape, 2))
    inputs = keras.Input((None, None, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1, activation="softmax")(inputs))
    predicted = keras.ops.convert_to_numpy(model(images)).argmax(-1)
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(ignore_class=255),
        metrics=[MeanIoU(3), PixelAccuracy(3)],
        jit_compile=compiled,
    )
    logs = model.train_on_batch(images, mask, return_dict=True)
    expected = Scores(counted(mask, predicted, 3)).means
    assert {name: float(logs[name]) for name in ("mean_iou", "pixel_accuracy")} == pytest.approx(
        {name: expected[name] for name in ("mean_iou", "pixel_accuracy")}, rel=1e-6
    )


def test_another_number_of_channels_or_a_one_hot_mask_is_refused():
    mask, outputs = random_case(4)
    with pytest.raises(ValueError, match=r"3 channels .*Received masks"):
        MeanIoU(3).update_state(mask, outputs)
    with pytest.raises(ValueError, match="integer masks"):
        MeanIoU(4).update_state(outputs, outputs)


@pytest.mark.parametrize("shape", [(4, 8, 4, 3), (3, 8, 8, 3), (4, 8, 8, 2), (4, 8, 8)])
def test_predictions_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="Received masks"):
        MeanIoU(3).update_state(np.zeros((4, 8, 8), int), np.zeros(shape))


def test_one_hot_predictions_are_no_class_maps_but_booleans_are():
    with pytest.raises(ValueError, match="class indices of that shape"):
        MeanIoU(3).update_state(np.zeros((4, 8, 8), int), np.zeros((4, 8, 8, 3), int))
    metric = MeanIoU(1)
    metric.update_state(np.array([[[0, 1, 1]]]), np.array([[[False, True, False]]]))
    assert metric.matrix.tolist() == [[1, 0], [1, 1]]


def test_a_wrong_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="num_classes"):
        ConfusionMetric(0)
    with pytest.raises(ValueError, match="class_id must be one of 0, 1, 2"):
        IoU(3, 3)
    with pytest.raises(ValueError, match="outside the classes 0 to 2"):
        MeanIoU(3, ignore_class=2)
