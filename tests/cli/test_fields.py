"""Options made from the fields of a recipe."""

import ast

import click
import pytest
from click.testing import CliRunner

from kseg.cli.fields import chosen, recipe_options
from kseg.runs.recipe import fields


@click.command()
@recipe_options()
def command(**values):
    click.echo(repr(chosen(values)))


def parsed(*arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return ast.literal_eval(result.output)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--epochs", "3"], {"epochs": 3}),
        (["--size", "64x32"], {"size": (64, 32)}),
        (["--scale", "0.5", "2"], {"scale": (0.5, 2.0)}),
        (["--filters", "4,8"], {"filters": (4, 8)}),
        (["--filters", "[[4,4],8]"], {"filters": ((4, 4), 8)}),
        (["--class-weights", "1, 2"], {"class_weights": (1.0, 2.0)}),
        (["--heads", "2"], {"heads": 2}),
        (["--head-weights", "half"], {"head_weights": "half"}),
        (["--width", "own"], {"width": "own"}),
        (["--skip-broken"], {"skip_broken": True}),
        (["--block", "residual(dropout=0.1)"], {"block": "residual(dropout=0.1)"}),
        (["--seed", "4"], {"seed": 4}),
    ],
)
def test_values_are_read_as_the_fields_read_them(arguments, expected):
    assert parsed(*arguments) == {"set": {}} | expected


def test_any_field_can_be_set_as_yaml_spells_it():
    arguments = ["--set", "loop.epochs=3", "--set", "model.options.dilations=[1, 2]"]
    assert parsed(*arguments)["set"] == {"loop.epochs": 3, "model.options.dilations": [1, 2]}
    assert parsed("--set", "loss.terms=ce + dice")["set"] == {"loss.terms": "ce + dice"}


def test_every_option_explains_itself_in_the_words_of_its_field():
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    for path, field in fields().items():
        if field.json_schema_extra["is_option"]:
            assert field.description.split(",")[0].split(":")[0][:40] in text, path


@pytest.mark.parametrize(
    "arguments",
    [["--epochs", "0"], ["--epochs", "x"], ["--size", "1x2x3"], ["--heads", "0"],
     ["--val-fraction", "1"], ["--filters", "4,x"], ["--seed", "-1"], ["--cache", "tape"]],
)  # fmt: skip
def test_wrong_values_name_their_option(arguments):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert f"'{arguments[0]}'" in result.output
    assert "Traceback" not in result.output
