"""Recipes: validated, and the same after the file."""

import pytest

from kseg.recipes import make_recipe, read_recipe, write_recipe


def test_survives_the_file(tmp_path):
    recipe = make_recipe(size=(96, 128), class_weights=(1, 2.5), versions={"keras": "3"}, epochs=4)
    write_recipe(tmp_path / "recipe.yaml", recipe)
    assert read_recipe(tmp_path / "recipe.yaml") == recipe


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"epochs": 0}, "epochs: .*greater than or equal to 1.*Received: 0"),
        ({"epoch": 3}, "epoch: Extra inputs"),
        ({"size": (0, 5)}, "size"),
        ({"val_fraction": 1}, "val_fraction"),
        ({"scale": (2, 1)}, "scale must rise"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"precision": "float8"}, "precision"),
        ({"class_weights": "enett"}, "class_weights"),
        ({"loss": "ce+dicce"}, "Did you mean 'dice'"),
    ],
)
def test_wrong_fields_are_named(tmp_path, fields, expected):
    with pytest.raises(ValueError, match=expected):
        make_recipe(**fields)


@pytest.mark.parametrize("text", ["- 1", "1: 2", "a: [", "epochs: many", "\x00"])
def test_a_wrong_file_is_named(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"r\.yaml"):
        read_recipe(path)
