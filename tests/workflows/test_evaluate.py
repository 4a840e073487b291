"""`kseg.evaluate`: a run scored, what was found written into its folder."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg.errors import KsegError, Notice
from tests.conftest import write_split
from tests.workflows.conftest import TINY


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
        next(iter(run.predictor("flip").probabilities(one))).array()
        for one in (images, images[:, :, ::-1])
    )
    np.testing.assert_allclose(mirrored[:, ::-1], straight, atol=1e-6)
    plain = next(iter(run.predictor().probabilities(images))).array()
    assert np.abs(plain - straight).max() > 1e-6
    found, alone = kseg.evaluate(run, tta="flip"), kseg.evaluate(run)
    assert (found.images, alone.gain) == (2, None)
    assert found.gain.over == run.name
    assert found.gain.mean_iou == found.scores.mean_iou - alone.scores.mean_iou
    lower, upper = found.gain.interval
    assert lower <= found.gain.mean_iou <= upper
    assert found.gain.cost > 0
    with pytest.raises(KsegError, match="flip"):
        kseg.evaluate(run, tta="flap")


def test_several_runs_are_scored_together_and_each_alone(run, workplace, tmp_path):
    other = kseg.train(
        workplace / "runs/small/recipe.yaml", seed=5, name="other", runs=tmp_path / "runs"
    )
    found = kseg.evaluate([run, other], weights=[2, 1])
    alone = [kseg.evaluate(one).scores.mean_iou for one in (run, other)]
    best = int(np.argmax(alone))
    assert found.gain.over == (run, other)[best].name
    assert found.gain.mean_iou == pytest.approx(found.scores.mean_iou - alone[best])
    written = json.loads((run.path / "evaluation_test_of_2_runs.json").read_text())
    assert written["gain"]["over"] == found.gain.over


def test_several_runs_are_not_scored_on_what_one_of_them_learned(tmp_path):
    """Each seed, and each fold, has a val split of its own where the data has none."""
    write_split(tmp_path / "data", 8)
    words = {"data": tmp_path / "data", "val_fraction": 0.25, "runs": tmp_path / "runs", **TINY}
    runs = [kseg.train(name=f"run{seed}", seed=seed, **words) for seed in (0, 1)]
    unseen, other = (set(run.split_off["val"]) for run in runs)
    seen = f"run1 was trained on {len(unseen - other)} of the 2 images of val"
    assert unseen != other
    for judged in (kseg.evaluate, kseg.report):
        with pytest.raises(KsegError, match=seen):
            judged(runs)
    alike = kseg.train(name="alike", loss="dice", **words)
    assert kseg.evaluate([runs[0], alike]).images == 2
    folds = kseg.cross_validate(folds=2, name="folds", **words)
    with pytest.raises(KsegError, match="folds-fold2 was trained on 4 of the 4 images of val"):
        kseg.evaluate(folds)


def test_of_one_run_that_it_learned_the_images_is_said(tmp_path):
    write_split(tmp_path / "data", 8)
    words = {"data": tmp_path / "data", "val_fraction": 0.25, "runs": tmp_path / "runs", **TINY}
    run = kseg.train(name="small", **words)
    for judged in (kseg.evaluate, kseg.report):
        with pytest.warns(Notice, match="small was trained on 6 of the 8 images of all"):
            judged(run, data=tmp_path / "data")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Notice)
            judged(run)
            judged(run, split="train")
    said = "6 of these images were trained on"
    (page,) = (path for path in run.path.glob("report_*all*.html"))
    assert said in page.read_text()
    assert said in (run.path / "report_train.html").read_text()
    assert "trained on:" not in (run.path / "report_val.html").read_text()
    for part, learned in (("*all*", 6), ("train", 6), ("val", 0)):
        (scores,) = run.path.glob(f"evaluation_{part}.json")
        assert json.loads(scores.read_text())["how"]["images_trained_on"] == learned


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


def test_images_are_ranked_by_how_unsure_the_network_is(run):
    found = kseg.evaluate(run, rank=True)
    predictor, samples = run.predictor(), run.source().split("test", run.labels)
    expected = [
        1 - next(predictor.decided([samples[index].image]))[1].mean()
        for index in range(len(samples))
    ]
    np.testing.assert_allclose(found.uncertainty, expected, atol=1e-5)
    np.testing.assert_allclose(found.ranking.risk, 1 - found.image_scores["mean_iou"])
    table = (run.path / "ranking_test.csv").read_text().splitlines()
    assert table[0] == "image,uncertainty,mean_iou"
    order = np.argsort(-np.array(expected))
    assert [line.split(",")[0] for line in table[1:]] == [found.names[index] for index in order]
    assert Image.open(run.path / "risk_coverage_test.png").size[0] > 300
    kept = json.loads((run.path / "evaluation_test.json").read_text())["ranking"]
    assert kept["random_area"] == pytest.approx(found.ranking.risk.mean())


def test_pictures_are_written_in_the_format_that_is_asked_for(run):
    kseg.evaluate(run, split="val", calibration=True, figures="svg")
    for name in ("confusion_val.svg", "reliability_val.svg"):
        assert "<svg" in (run.path / name).read_text()[:1000]
    with pytest.raises(kseg.KsegError, match=r"format of pictures.*'gif'"):
        kseg.evaluate(run, split="val", figures="gif")
