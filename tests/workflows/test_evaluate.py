"""`kseg.evaluate`: a run scored, what was found written into its folder."""

import json

import numpy as np
import pytest

import kseg
from kseg.errors import KsegError
from tests.conftest import write_split


def test_scores_are_returned_and_written(run, capfd):
    found = kseg.evaluate(run, border=2.0, calibration=True, per_image=True)
    assert capfd.readouterr().out == ""
    assert found.images == 2
    assert found.border.tolerance == 2
    written = json.loads((run.path / "evaluation_test.json").read_text())
    assert written["mean_iou"] == found.scores.mean_iou
    for name in ("confusion_test.png", "reliability_test.png", "images_test.csv"):
        assert (run.path / name).exists()


def test_flips_make_the_answer_the_same_for_the_mirror_image(run):
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    straight, mirrored = (
        next(iter(run.predictor(flip=True).probabilities(one))).array()
        for one in (images, images[:, :, ::-1])
    )
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=1e-6)
    plain = next(iter(run.predictor().probabilities(images))).array()
    assert np.abs(plain - straight).max() > 1e-6
    assert kseg.evaluate(run, flip=True).images == 2


def test_another_data_set_with_masks_beside_the_images(run, tmp_path):
    write_split(tmp_path / "other", 2)
    for path in (tmp_path / "other/masks").iterdir():
        path.rename(tmp_path / "other/images" / f"{path.stem}-gt.png")
    found = kseg.evaluate(run, data=tmp_path / "other/images", mask_suffix="-gt")
    assert found.images == 2


def test_a_split_that_is_not_there_is_named(run):
    with pytest.raises(KsegError, match="has no all split"):
        kseg.evaluate(run, split="all")
    with pytest.raises(KsegError, match="border"):
        kseg.evaluate(run, border=0)
