"""Evaluation of a data set against counting by hand."""

import json

import numpy as np
import pytest

from kseg.data import Sample
from kseg.evaluation import PixelSample, evaluate
from kseg.inference import Predictor
from kseg.labels import Labels
from kseg.metrics import score_borders

pytestmark = pytest.mark.backend


class Listed:
    """Samples of different sizes, with void."""

    labels = Labels(("a", "b", "c", "never"), ignore=9)

    def __init__(self, count):
        rng = np.random.default_rng(0)
        self.items = []
        for index in range(count):
            size = (20 + index, 33)
            image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            mask = rng.choice([0, 1, 2, 9], size).astype(np.uint8)
            self.items.append(Sample(str(index), image, mask))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def by_brightness(images):
    """Class 0, 1 or 2 by the first channel."""
    classes = images[..., 0].astype(int) * 3 // 256
    return np.eye(4)[classes]


@pytest.mark.parametrize("count", [1, 8, 19])
def test_counts_every_valid_pixel_once(count):
    samples, seen = Listed(count), []
    found = evaluate(Predictor(by_brightness), samples, lambda: seen.append(1))
    matrix = np.zeros((4, 4), int)
    for sample in samples.items:
        predicted = sample.image[..., 0].astype(int) * 3 // 256
        valid = sample.mask != 9
        np.add.at(matrix, (sample.mask[valid], predicted[valid]), 1)
    np.testing.assert_array_equal(found.scores.matrix, matrix)
    assert len(seen) == found.images == count


def test_each_image_is_scored_by_itself():
    samples = Listed(5)
    found = evaluate(Predictor(by_brightness), samples)
    assert found.names == tuple("01234")
    for index, sample in enumerate(samples.items):
        predicted = sample.image[..., 0].astype(int) * 3 // 256
        valid = sample.mask != 9
        right = (predicted == sample.mask)[valid].mean()
        assert found.image_scores["pixel_accuracy"][index] == pytest.approx(right)
        ious = [
            ((predicted == i) & (sample.mask == i)).sum()
            / (((predicted == i) | (sample.mask == i)) & valid).sum()
            for i in range(3)
        ]
        assert found.image_scores["mean_iou"][index] == pytest.approx(np.mean(ious))


def test_the_interval_is_that_of_sets_of_images_drawn_with_replacement():
    found = evaluate(Predictor(by_brightness), Listed(6))
    lower, upper = found.interval
    assert lower < found.scores.mean_iou < upper
    rng, scores = np.random.default_rng(1), []
    for _ in range(500):
        right, truth, guessed = found.counts[rng.integers(0, 6, 6)].sum(axis=0)[:, :3]
        scores.append((right / (truth + guessed - right)).mean())
    np.testing.assert_allclose((lower, upper), np.quantile(scores, (0.025, 0.975)), atol=2e-3)


def test_borders_and_calibration_are_scored_when_they_are_asked_for():
    samples = Listed(3)
    plain = evaluate(Predictor(by_brightness), samples)
    assert plain.border is plain.calibration is None
    found = evaluate(Predictor(by_brightness), samples, border=2, calibration=True)
    expected = [
        score_borders(sample.mask, by_brightness(sample.image).argmax(-1), 4, 9, 2)
        for sample in samples.items
    ]
    np.testing.assert_array_equal(found.border.counts, sum(one.counts for one in expected))
    np.testing.assert_allclose(found.border.distances, sum(one.distances for one in expected))
    # The engine is certain of everything, and right as often as its accuracy says.
    accuracy = found.scores.pixel_accuracy
    assert found.calibration.expected_error == pytest.approx(1 - accuracy)
    content = json.loads(json.dumps(found.to_dict()))
    assert content["border_tolerance"] == 2
    assert content["classes"]["never"]["hausdorff_95"] is None
    assert content["calibration"]["expected_error"] == pytest.approx(1 - accuracy)
    with pytest.raises(ValueError, match="border must be"):
        evaluate(Predictor(by_brightness), samples, border=0)


def test_is_valid_json_without_a_score_for_absent_classes():
    content = json.loads(json.dumps(evaluate(Predictor(by_brightness), Listed(2)).to_dict()))
    assert content["classes"]["never"] == {
        "iou": None,
        "dice": None,
        "accuracy": None,
        "pixels": 0,
    }
    assert 0 < content["mean_iou"] < 1
    assert content["mean_iou_interval"][0] <= content["mean_iou_interval"][1]
    present = [content["classes"][name]["iou"] for name in "abc"]
    assert content["mean_iou"] == pytest.approx(np.mean(present))


def by_lot(images):
    """Sure to 0.9 of the class of `by_brightness`, which is right in a third of the pixels."""
    return (0.9 * by_brightness(images) + 0.1 / 4).astype(np.float32)


def test_a_temperature_fitted_on_some_pixels_calibrates_all():
    samples = Listed(6)
    pixels = PixelSample(samples.labels, len(samples))
    before = evaluate(Predictor(by_lot), samples, calibration=True, pixels=pixels)
    assert pixels.pixels == sum((one.mask != 9).sum() for one in samples.items)  # all of so few
    assert before.uncalibrated is None
    warm = Predictor(by_lot, temperature=pixels.temperature)
    after = evaluate(warm, samples, calibration=True)
    np.testing.assert_array_equal(after.scores.matrix, before.scores.matrix)
    assert before.calibration.expected_error > 0.5
    assert after.calibration.expected_error < 0.05
    assert after.uncalibrated.expected_error == pytest.approx(before.calibration.expected_error)
    told = after.to_dict()["calibration"]
    assert told["expected_error_before"] == pytest.approx(before.calibration.expected_error)


def test_a_network_of_one_answer_is_called_collapsed():
    def always(images):
        return np.broadcast_to(np.float32([0.4, 0.3, 0.3, 0.0]), (*images.shape[:3], 4))

    assert evaluate(Predictor(always), Listed(2)).is_collapsed
    assert not evaluate(Predictor(by_brightness), Listed(2)).is_collapsed
