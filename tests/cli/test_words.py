"""What the library says, as the command line spells it."""

import click
import pytest

from kseg.cli.words import as_typed

COMMAND = click.Command(
    "train",
    params=[
        click.Argument(["data"]),
        click.Option(["--skip-broken"], is_flag=True),
        click.Option(["-n", "--name"]),
        click.Option(["--class-weights"]),
        click.Option(["--width"]),
    ],
)


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("Choose another name=.", "Choose another --name."),
        ("Go on by skip_broken=True.", "Go on by --skip-broken."),
        ("class_weights= must be numbers, not name='a b'.",
         "--class-weights must be numbers, not --name a b."),
        ("Leave data= out.", "Leave DATA out."),
        ("model.width: Input should be 3.", "--width: Input should be 3."),
        ("r.yaml: model.width: Input should be 3.", "r.yaml: model.width: Input should be 3."),
        ("class_weights=(1.0, 2.0) and width=[3] differ.",
         "--class-weights (1.0, 2.0) and --width [3] differ."),
        ("model.options: unknown.", "model.options: unknown."),
        ("Set mask_interpolation=0, data_format='yaml'.",
         "Set mask_interpolation=0, data_format='yaml'."),
        ('Train first: kseg.train(arch="unet", data="FOLDER"), or kseg.train().',
         "Train first: kseg train --arch unet --data FOLDER, or kseg train."),
        ('Go on: kseg.resume("runs/a").', "Go on: kseg train --resume runs/a."),
        ('Again: kseg.train("runs/a", name="b").',
         "Again: kseg train --recipe runs/a/recipe.yaml --name b."),
        ("Nothing to say.", "Nothing to say."),
    ],
)  # fmt: skip
def test_arguments_become_options_and_calls_commands(said, typed):
    assert as_typed(said, COMMAND) == typed
