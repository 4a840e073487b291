"""The recipes of the examples: each is read, builds its network, and trains, made small."""

import shlex
from pathlib import Path

import pytest

import kseg
from kseg.machine import Device
from kseg.training import defaults, network
from tests.test_docs import ROOT

RECIPES = sorted((ROOT / "examples/recipes").glob("*.yaml"))
SMALL = {"size": 64, "max_side": 64, "epochs": 1, "batch_size": 2, "monitor": "mean_iou"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_network_can_be_built_as_it_stands(path):
    recipe = kseg.read_recipe(path)
    network.check(defaults.for_machine(recipe, Device("cpu", "a CPU", "float32")))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_it_trains_made_small(rectangles, tmp_path, path):
    recipe = kseg.read_recipe(path)
    small = {"width": 4} if recipe.model.arch == "resnet34_unet" else {"filters": (2, 4, 4)}
    above = {} if recipe.loop.above is None else {"above": -1.0}
    run = kseg.train(
        recipe, data=str(rectangles), runs=tmp_path / "runs", **SMALL, **small, **above
    )
    kept = run.recipe
    assert run.epochs == 1
    assert (kept.optimizer.name, kept.schedule.name) == (
        recipe.optimizer.name,
        recipe.schedule.name,
    )
    assert (kept.loss.terms, kept.input.augment) == (recipe.loss.terms, recipe.input.augment)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_first_lines_say_how_it_is_run(path):
    (line, *_) = (line for line in path.read_text().splitlines() if "kseg train" in line)
    words = shlex.split(line.lstrip("# "))
    assert words[:3] == ["kseg", "train", "--recipe"]
    assert Path(words[3]) == path.relative_to(ROOT)


def test_every_recipe_stands_in_the_docs():
    page = (ROOT / "docs/recipes.md").read_text()
    assert all(f"`{path.name}`" in page for path in RECIPES)
