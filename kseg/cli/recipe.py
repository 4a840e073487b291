"""`kseg recipe`: what makes a run again, and how two of them differ."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg._text import printable
from kseg.cli.errors import Commands
from kseg.cli.options import runs_option

if TYPE_CHECKING:
    from kseg.runs.recipe import Recipe


@click.group(cls=Commands)
def recipe() -> None:
    """Show what makes a run again, or how two runs differ.

    \b
    kseg recipe show RUN      the recipe of a run, or of a file
    kseg recipe diff A B      the fields in which two of them differ
    """


@recipe.command()
@click.argument("run", required=False, metavar="[RUN|FILE]")
@runs_option
def show(run: str | None, runs: Path) -> None:
    """Print the recipe of RUN, by default the newest, or of a file, every field of it."""
    from kseg.runs.recipe import recipe_text

    click.echo(recipe_text(_opened(run, runs)), nl=False)


@recipe.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@runs_option
def diff(one: str, other: str, runs: Path) -> None:
    """Print the fields in which A and B differ, runs or files: FIELD: value in A -> value in B."""
    from kseg.runs.recipe import differences

    found = differences(_opened(one, runs), _opened(other, runs))
    for path, (first, second) in found.items():
        click.echo(printable(f"{path}: {first} -> {second}"))
    if not found:
        click.echo("no difference")


def _opened(name: str | None, runs: Path) -> "Recipe":
    from kseg.runs.finding import open_run
    from kseg.runs.recipe import read_recipe

    if name is not None and Path(name).is_file():
        return read_recipe(Path(name))
    return open_run(name, runs).recipe
