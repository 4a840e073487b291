"""`kseg recipe` as a user types it."""

import pytest
import yaml

from kseg.runs.recipe import make_recipe, write_recipe
from kseg.runs.run import Run
from tests.cli.test_commands import call


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two runs, of which only the recipes are looked at."""
    monkeypatch.chdir(tmp_path)
    for name, words in (("a", {"epochs": 3}), ("b", {"epochs": 4, "loss": "ce+dice"})):
        run = Run(tmp_path / "saved_models" / name)
        run.path.mkdir(parents=True)
        run.model_file.touch()
        write_recipe(run.recipe_file, make_recipe(**words))
    return tmp_path


def test_a_run_or_a_file_is_shown(here):
    for name in ("a", "saved_models/a", "saved_models/a/recipe.yaml"):
        content = yaml.safe_load(call("recipe", "show", name))
        assert content["loop"]["epochs"] == 3
        assert content["model"]["arch"] == "auto"


def test_differences_are_listed(here):
    output = call("recipe", "diff", "a", "saved_models/b/recipe.yaml")
    assert output == "loss.terms: ce -> ce+dice\nloop.epochs: 3 -> 4\n"
    assert call("recipe", "diff", "a", "a") == "no difference\n"


def test_what_is_neither_run_nor_recipe_is_explained(here):
    assert "There is no run 'c'" in call("recipe", "show", "c", code=1)
    (here / "x.yaml").write_text("arch: unet\n")
    output = " ".join(call("recipe", "show", "x.yaml", code=1).split())
    assert "arch now stands as model.arch" in output
