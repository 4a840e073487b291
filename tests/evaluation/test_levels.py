"""Levels of a small U-Net++, and which of a few made by hand is recommended."""

import numpy as np
import pytest

from kseg import build_unet, build_unetpp, supervise
from kseg.data import ArraySamples
from kseg.errors import KsegError
from kseg.evaluation import Evaluation, Level, evaluate, measure_levels, recommend
from kseg.inference import Predictor, keras_engine
from kseg.labels import Labels
from kseg.metrics import Scores
from kseg.models import measure, prune

LABELS = Labels(("ground", "box"))
ANY = (None, None, 3)


def level_of(number, *matrix):
    evaluation = Evaluation(LABELS, Scores(np.array(matrix)), (), np.zeros((0, 3, 2), np.int64))
    return Level(f"x0_{number}", number, evaluation, 10**number, 10**number, 1.0, 1)


def levels_of(*ious):
    """Levels of these mean IoUs, up to a half, the smallest network first.

    Of 1000 pixels of class 0 a part is predicted rightly: its IoU; that of class 1 is 0.
    """
    rights = [round(2000 * iou) for iou in ious]
    return [
        level_of(number, (right, 1000 - right), (0, 0)) for number, right in enumerate(rights, 1)
    ]


def test_the_levels_made_by_hand_score_what_is_asked():
    found = [level.mean_iou for level in levels_of(0.1, 0.25, 0.4)]
    assert found == pytest.approx([0.1, 0.25, 0.4])


@pytest.mark.parametrize(
    ("ious", "tolerance", "expected"),
    [
        ((0.2, 0.3, 0.4, 0.45), 0.01, 4),
        ((0.2, 0.3, 0.4, 0.45), 0.06, 3),
        ((0.2, 0.3, 0.4, 0.45), 1, 1),
        # The whole network is the worst: what is near it is no good either.
        ((0.025, 0.078, 0.090, 0.019), 0.01, 3),
        ((0.025, 0.078, 0.090, 0.019), 0.015, 2),
        ((0.3, 0.3, 0.3), 0, 1),
    ],
)
def test_the_smallest_level_near_the_best_is_recommended(ious, tolerance, expected):
    assert recommend(levels_of(*ious), tolerance).level == expected


def test_without_a_score_the_whole_network_is_recommended():
    levels = [level_of(number, (0, 0), (0, 0)) for number in (1, 2)]
    assert recommend(levels, 0.1).level == 2


def samples(count):
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (count, 20, 24), dtype=np.uint8)
    return ArraySamples(rng.integers(0, 256, (count, 20, 24, 3), dtype=np.uint8), masks, LABELS)


def predictor(network):
    return Predictor(keras_engine(network), stride=8)


def test_each_head_is_measured_and_scored_as_the_network_cut_back_to_it():
    model, data, seen = build_unetpp(ANY, 2, filters=(2, 4, 8, 8)), samples(3), []
    found = measure_levels(model, data, predictor, lambda: seen.append(1))
    assert [level.head for level in found] == ["x0_1", "x0_2", "x0_3"]
    assert [level.level for level in found] == [1, 2, 3]
    assert len(seen) == 3 * len(data)
    for level in found:
        alone = prune(model, level.level)
        costs = measure(alone, (24, 24))
        assert (level.parameters, level.flops) == (costs.parameters, costs.flops)
        expected = evaluate(predictor(alone), data).scores
        np.testing.assert_array_equal(level.evaluation.scores.matrix, expected.matrix)
        assert level.images_per_second > 0
        assert level.bytes > 4 * level.parameters


@pytest.mark.backend
def test_a_head_without_a_number_is_the_whole_network():
    model = supervise(build_unet(ANY, 2, filters=(2, 4, 8)))
    found = measure_levels(model.all_heads, samples(2), predictor)
    assert [(level.head, level.level) for level in found] == [("decoder_2", 2), ("final", None)]


def test_one_head_is_no_choice():
    with pytest.raises(KsegError, match="Only a network of several heads"):
        measure_levels(build_unet(ANY, 2, filters=(2, 4)), samples(1), predictor)
