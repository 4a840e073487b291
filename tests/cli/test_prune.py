"""`kseg prune` as a user types it, on a small U-Net++ trained for this."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from kseg.runs.run import Run
from tests.cli.test_commands import PLAIN, TINY, call
from tests.conftest import write_split


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with data, a run of several heads and one of one."""
    root = tmp_path_factory.mktemp("pruning")
    for seed, (split, count) in enumerate({"train": 6, "val": 3}.items()):
        write_split(root / "data" / split, count, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        call("train", "--arch", "unetpp", "--data", "data", "--name", "nested", *TINY)
        call("train", "--data", "data", "--name", "single", *PLAIN)
    return root


@pytest.fixture
def here(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    return workplace


def rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines() if " x0_" in line]


def test_the_table_shows_every_level_and_a_picture_is_drawn(here):
    output = call("prune", "nested")
    table = rows(output)
    assert [row[1] for row in table] == ["x0_1", "x0_2", "x0_3", "x0_4"]
    parameters = [int(row[3].replace(",", "")) for row in table]
    assert parameters == sorted(parameters)
    assert Image.open("saved_models/nested/levels.png").size[0] > 500
    scores = json.loads((here / "saved_models/nested/scores.json").read_text())
    assert float(table[-1][2]) == pytest.approx(scores["mean_iou"], abs=0.002)
    assert output.count("recommended") == 1


def test_the_pruned_run_is_a_run_of_its_own_that_scores_what_the_table_says(here):
    table = rows(call("prune", "nested", "--level", "2", "--name", "small"))
    folder = Run(here / "saved_models/small")
    output = call("evaluate", "small", "--split", "val")
    assert f"IoU {table[1][2]}" in output
    assert folder.recipe.model.level == 2
    small, full = (
        keras.models.load_model(here / f"saved_models/{name}/{file}.keras")
        for name, file in (("small", "model"), ("nested", "heads"))
    )
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3))
    np.testing.assert_array_equal(small(images), full(images)["x0_2"])
    call("predict", here / "data/val/images/0.png", "--run", "small")


def test_a_table_without_a_smaller_network_worth_it_says_so(here, monkeypatch):
    monkeypatch.setattr("kseg.evaluation.levels.recommend", lambda levels, tolerance: levels[-1])
    assert "no smaller head is within 0.01 of the best one's mean IoU" in call("prune", "nested")


def test_auto_takes_the_smallest_level_within_the_tolerance(here):
    output = call("prune", "nested", "--auto", "--tolerance", "1")
    assert "saved_models/nested-level1" in output
    assert Run(here / "saved_models/nested-level1").recipe.model.level == 1


def test_the_recipe_of_a_pruned_run_makes_it_again(here):
    call("prune", "nested", "--level", "1", "--name", "once")
    arguments = ["--name", "again", "--epochs", "1"]
    call("train", "--recipe", "saved_models/once/recipe.yaml", *arguments)
    first, second = (
        keras.models.load_model(here / f"saved_models/{name}/model.keras")
        for name in ("once", "again")
    )
    assert [w.shape for w in first.weights] == [w.shape for w in second.weights]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["nested", "--level", "7"], 1, "1 (x0_1), 2 (x0_2), 3 (x0_3), 4 (x0_4)"),
        (["single"], 1, "has one head"),
        (["nobody"], 1, "There is no run 'nobody'"),
        (["nested", "--level", "1", "--auto"], 2, "not both"),
        (["nested", "--name", "small"], 2, "--level or --auto"),
        (["nested", "--level", "1", "--name", "../x"], 2, "letters, digits"),
        (["nested", "--tolerance", "2"], 2, "--tolerance"),
        (["nested", "--tolerance", "nan"], 2, "--tolerance"),
        (["nested", "--level", "1", "--name", "single"], 2, "exists"),
    ],
)
def test_what_cannot_be_pruned_is_explained(here, arguments, code, expected):
    assert expected in call("prune", *arguments, code=code)


def test_without_a_name_the_newest_run_of_several_heads_is_taken(here):
    (here / "saved_models/single/model.keras").touch()
    assert "saved_models/nested" in call("prune")
