"""A recipe that starts from the weights of an earlier run: which run, and what it has of it."""

from pathlib import Path

from kseg.errors import KsegError
from kseg.models.settings import AUTO, NONE, Model
from kseg.runs.finding import open_run
from kseg.runs.recipe import Recipe

OWN_WAY = ("weights", "frozen", "frozen_epochs", "warm_start")
"""Fields of the model that say how it is trained, not what it is made of."""


def from_run(wish: Recipe, root: Path) -> tuple[Recipe, str]:
    """Name the run that a recipe starts from by its path, and take the run's network where it may.

    Where the architecture is open, or the run's own, all that the recipe does not say of the
    network is as in the run. No other weights are loaded.

    Args:
        wish: A recipe.
        root: Folder that holds the runs.

    Returns:
        The recipe, and which network was chosen and why, "" where that was not open.

    Raises:
        KsegError: There is no such run.
    """
    named = wish.model.warm_start
    if named is None:
        return wish, ""
    try:
        run = open_run(named, root)
    except KsegError as error:
        raise KsegError(f"warm_start='{named}' is to start from a run. {error}") from None
    model, there = wish.model, run.recipe.model
    is_open = model.arch == AUTO
    if is_open or model.arch == there.arch:
        model = _completed(model, there)
    update = {"weights": NONE, "warm_start": str(run.path)}
    why = f"{there.arch}, the network of {run.path}, whose weights it starts from"
    return wish.changed(model=model.model_copy(update=update)), why if is_open else ""


def check_kept(wish: Recipe, target: Path) -> None:
    """Refuse to replace the run that a training starts from.

    Raises:
        KsegError: It would be.
    """
    start = wish.model.warm_start
    if start is not None and Path(start).resolve() == target.resolve():
        raise KsegError(
            f"{target} cannot be replaced by a training that starts from it: its recipe would name "
            "itself. Choose another name=."
        )


def _completed(model: Model, there: Model) -> Model:
    """Return a section with another one's values where it holds the defaults."""
    update = {
        name: getattr(there, name)
        for name, field in Model.model_fields.items()
        if name not in OWN_WAY and getattr(model, name) == field.default
    }
    return model.model_copy(update=update)
