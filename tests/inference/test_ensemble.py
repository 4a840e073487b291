"""The mean of several answers."""

import numpy as np
import pytest

from kseg.errors import KsegError
from kseg.inference import Ensemble, Predictor

pytestmark = pytest.mark.backend

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def says(*values):
    """A predictor that gives each class the same probability everywhere."""
    return Predictor(lambda images: np.full((*images.shape[:3], len(values)), values, np.float32))


def test_probabilities_are_averaged_by_weight():
    ensemble = Ensemble([says(0.9, 0.1), says(0.2, 0.8)], weights=[1, 3])
    found = next(ensemble.probabilities([IMAGE])).array()
    assert found.shape == (20, 30, 2)
    np.testing.assert_allclose(found[..., 1], (0.1 + 3 * 0.8) / 4, rtol=1e-6)
    assert (ensemble.predict([IMAGE])[0] == 1).all()
    assert (Ensemble([says(0.9, 0.1), says(0.2, 0.8)]).predict([IMAGE])[0] == 0).all()
    mask, confidence, _ = next(ensemble.decided([IMAGE]))
    np.testing.assert_allclose(confidence, 0.625, rtol=1e-6)
    assert mask.dtype == np.uint8


def test_one_output_and_two_classes_are_averaged_alike():
    found = next(Ensemble([says(0.4), says(0.2, 0.8)]).probabilities([IMAGE])).array()
    np.testing.assert_allclose(found[0, 0], [0.4, 0.6], rtol=1e-6)


def test_each_sees_the_image_at_its_own_size():
    seen = []

    def engine(images):
        seen.append(images.shape[1:3])
        return np.ones((*images.shape[:3], 2), np.float32) / 2

    pair = [Predictor(engine, stride=1, max_side=side) for side in (15, 30)]
    assert Ensemble(pair).predict([IMAGE])[0].shape == (20, 30)
    assert seen == [(10, 15), (20, 30)]


@pytest.mark.parametrize(
    ("predictors", "weights", "expected"),
    [
        ([], None, "one predictor at least"),
        ([says(1.0)], [1, 2], "weights"),
        ([says(1.0)], [0], "weight"),
    ],
)
def test_what_is_no_ensemble_is_refused(predictors, weights, expected):
    with pytest.raises(KsegError, match=expected):
        Ensemble(predictors, weights)


def test_other_classes_are_refused():
    with pytest.raises(KsegError, match="the same classes. Received 2 and 3"):
        Ensemble([says(0.5, 0.5), says(0.2, 0.3, 0.5)]).predict([IMAGE])
