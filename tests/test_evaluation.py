"""Evaluation of a data set against counting by hand."""

import json

import numpy as np
import pytest

from kseg import evaluate
from kseg.data import Sample
from kseg.inference import Predictor
from kseg.labels import Labels

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


def test_is_valid_json_without_a_score_for_absent_classes():
    content = json.loads(json.dumps(evaluate(Predictor(by_brightness), Listed(2)).to_dict()))
    assert content["classes"]["never"] == {"iou": None, "dice": None, "accuracy": None, "pixels": 0}
    assert 0 < content["mean_iou"] < 1
    present = [content["classes"][name]["iou"] for name in "abc"]
    assert content["mean_iou"] == pytest.approx(np.mean(present))
