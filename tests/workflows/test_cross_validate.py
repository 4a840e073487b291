"""`kseg.cross_validate`: a run per fold, and the spread of their scores."""

import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest

import kseg
from kseg.callbacks import HistoryFile
from kseg.errors import ArgumentError, Interrupted, KsegError
from kseg.runs.making import tidy
from kseg.workflows.watching import Watch
from tests.workflows.conftest import TINY


@pytest.fixture(scope="module")
def found(workplace):
    return kseg.cross_validate(
        data=workplace / "data", folds=2, name="cv", runs=workplace / "folds", **TINY
    )


@pytest.fixture
def words(workplace, found):
    return {"data": workplace / "data", "runs": workplace / "folds", "folds": 2, **TINY}


def files_of(found):
    return [run.model_file.stat().st_mtime_ns for run in found.runs]


def test_each_fold_is_a_run_that_scores_its_own_part(found):
    assert [run.name for run in found.runs] == ["cv-fold1", "cv-fold2"]
    names = []
    for number, run in enumerate(found.runs, start=1):
        data = run.recipe.data
        assert (data.folds, data.fold, data.split_by) == (2, number, "classes")
        scored = kseg.evaluate(run, split="val")
        np.testing.assert_array_equal(scored.scores.matrix, run.scores.matrix)
        names.append(set(scored.names))
        assert kseg.evaluate(run).names == ("0", "1")  # the test split stays apart
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == 9


def test_mean_and_spread_are_those_of_the_folds(found):
    values = np.array([run.scores.mean_iou for run in found.runs])
    summary = json.loads(found.path.read_text())
    assert found.path.name == "cv-folds.json"
    assert summary["mean_iou"]["folds"] == pytest.approx(values.tolist())
    assert summary["mean_iou"]["mean"] == pytest.approx(values.sum() / 2)
    assert summary["mean_iou"]["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    box = [run.scores.iou[1] for run in found.runs]
    assert summary["classes"]["box"]["mean"] == pytest.approx(np.mean(box))
    assert summary["runs"] == ["cv-fold1", "cv-fold2"]


def test_the_same_call_trains_no_fold_again(found, words):
    told = []

    class Notes(Watch):
        def folds(self, run, fold, folds):
            told.append((run.name, fold, folds))

    before = files_of(found)
    again = kseg.cross_validate(name="cv", progress=Notes(), **words)
    assert files_of(again) == before
    assert told == [("cv-fold1", 1, 2), ("cv-fold2", 2, 2)]
    np.testing.assert_array_equal(again.iou, found.iou)


def test_a_summary_is_in_nobodys_way(found, words):
    assert tidy(found.path.parent) == []
    assert kseg.open_run(None, words["runs"]).name.startswith("cv-fold")


def test_folds_of_another_recipe_are_refused(found, words):
    before = files_of(found)
    with pytest.raises(ArgumentError, match="cv-fold1 is there, of another recipe. Choose another"):
        kseg.cross_validate(name="cv", **(words | {"seed": 7}))
    assert files_of(found) == before


def test_a_fold_is_made_again_alone(found, tmp_path):
    run = found.runs[1]
    again = kseg.train(run.recipe_file, name="alone", runs=tmp_path)
    assert again.recipe == run.recipe
    assert again.split_off == run.split_off
    one, two = (keras.models.load_model(x.model_file).get_weights() for x in (run, again))
    for left, right in zip(one, two, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def test_what_was_broken_off_goes_on_and_ends_alike(workplace, tmp_path, monkeypatch):
    """In the second epoch of the second fold; the first is not trained again."""
    words = {"data": workplace / "data", "folds": 2, "name": "x", **(TINY | {"epochs": 2})}
    whole = kseg.cross_validate(runs=tmp_path / "whole", **words)
    epochs = []
    begin = HistoryFile.on_epoch_end

    def stop(self, epoch, logs=None):
        begin(self, epoch, logs)
        epochs.append(epoch)
        if len(epochs) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(HistoryFile, "on_epoch_end", stop)
    with pytest.raises(Interrupted) as stopped:
        kseg.cross_validate(runs=tmp_path / "broken", **words)
    assert stopped.value.path.name == "x-fold2"
    first = (tmp_path / "broken/x-fold1/model.keras").stat().st_mtime_ns
    monkeypatch.undo()
    found = kseg.cross_validate(runs=tmp_path / "broken", **words)
    assert files_of(found)[0] == first
    for one, two in zip(found.runs, whole.runs, strict=True):
        assert one.history_file.read_bytes() == two.history_file.read_bytes()
        np.testing.assert_array_equal(one.scores.matrix, two.scores.matrix)
    assert json.loads(found.path.read_text()) == json.loads(whole.path.read_text())

    shutil.copytree(tmp_path / "broken/x-fold2", tmp_path / "broken/x-fold2.unfinished")
    (tmp_path / "broken/x-fold2.unfinished/resume.npz").touch()  # a fold that is broken off again
    before = files_of(found)
    others = kseg.cross_validate(runs=tmp_path / "broken", overwrite=True, seed=4, **words)
    assert all(new > old for new, old in zip(files_of(others), before, strict=True))
    assert [run.recipe.seed for run in others.runs] == [4, 4]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"folds": 1}, "folds.*greater than or equal to 2"),
        ({"folds": 99}, "at most the number of images to divide: .* has 9. Received: 99"),
        ({"name": "../x"}, "name= must be"),
        ({"split_by": "group:^(.)", "folds": 8}, "finds 6 group.* but 8 parts are wanted"),
    ],
)
def test_wrong_values_are_refused_and_leave_nothing(workplace, tmp_path, wrong, expected):
    words = {"data": workplace / "data", "runs": tmp_path, **TINY}
    with pytest.raises(KsegError, match=expected):
        kseg.cross_validate(**(words | wrong))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [({"folds": 3}, "give both to train one fold"), ({"folds": 3, "fold": 4}, "from 1 to 3")],
)
def test_one_fold_needs_both_numbers(workplace, tmp_path, wrong, expected):
    with pytest.raises(ArgumentError, match=expected):
        kseg.train(data=workplace / "data", runs=tmp_path, **TINY, **wrong)
