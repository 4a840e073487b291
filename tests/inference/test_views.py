"""The mean of several answers, against ones worked by hand."""

import numpy as np
import pytest

import kseg
from kseg.errors import KsegError
from kseg.inference import Predictor, keras_engine, tiling_of, with_views
from kseg.inference.settings import ASKED, read_views


def columns(images):
    """Say of each pixel its brightness, plus 0.1 per column from the left."""
    assert images.flags.c_contiguous
    return images / 10 + 0.1 * np.arange(images.shape[2])[:, None]


def test_the_answer_for_the_mirror_image_is_turned_back_and_averaged():
    images = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    # In the mirror image the columns have 0.2, 0.1 and 0 more instead of 0, 0.1 and 0.2.
    found = with_views(columns, "flip", stride=1)(images)
    np.testing.assert_allclose(found.ravel(), [0.2, 0.3, 0.4])


def test_quarter_turns_are_turned_back_and_averaged():
    images = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    # What 0.1 per column adds, turned back: right, below, left, above; each pixel gets it twice.
    found = with_views(columns, "turns", stride=1)(images)
    np.testing.assert_allclose(found.ravel(), images.ravel() / 10 + 0.05)


def test_scales_are_brought_back_and_averaged():
    """An engine that says how large what it sees is: the mean over three sizes."""
    seen = []

    def engine(images):
        seen.append(images.shape[1:3])
        return np.full((*images.shape[:3], 1), images.shape[1] / 100, np.float32)

    found = with_views(engine, "scales", stride=4)(np.zeros((2, 16, 32, 3), np.uint8))
    assert seen == [(12, 24), (16, 32), (20, 40)]
    assert found.shape == (2, 16, 32, 1)
    np.testing.assert_allclose(found, 0.16, atol=1e-6)


@pytest.mark.parametrize("views", ["flip", "turns", "scales", "scales+turns+flip"])
def test_a_network_is_asked_so_often_as_is_said(views):
    asked = []

    def engine(images):
        asked.append(images)
        return images[..., :1].astype(np.float32)

    with_views(engine, views, stride=1)(np.zeros((1, 8, 8, 3), np.uint8))
    assert len(asked) == np.prod([ASKED[name] for name in read_views(views)])


def test_views_that_are_unknown_or_named_twice_are_refused():
    for views, said in (("flop", "flip"), ("flip+flip", "once"), ("", "tta")):
        with pytest.raises(KsegError, match=said):
            with_views(columns, views)


def test_tiles_of_several_scales_overlap_as_far_as_the_smallest_sees():
    model = kseg.build_unet((None, None, 3), 3, filters=(4, 6))
    near, far = (tiling_of(model, 2, memory=1, zoom=zoom).margin for zoom in (1.0, 0.75))
    assert (near, far) == (11, 14)  # sees 18 pixels: 9, or 12, to each side, and the stride
    image = np.random.default_rng(0).integers(0, 256, (1, 96, 240, 3), np.uint8)
    engine = with_views(keras_engine(model), "flip+turns", stride=2)
    plain = Predictor(engine, stride=2)
    tiled = Predictor(engine, stride=2, tiling=tiling_of(model, 2, memory=1))
    one, other = (next(each.probabilities(image)).values for each in (plain, tiled))
    np.testing.assert_allclose(one, other, atol=1e-5)
