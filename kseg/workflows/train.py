"""`kseg.train`: from a recipe, or a few words, to a run."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kseg import machine
from kseg.errors import ArgumentError, KsegError
from kseg.models import catalog, choosing
from kseg.runs.making import UNFINISHED, check_name, free_name, new_run, tidy
from kseg.runs.recipe import Recipe, read_recipe
from kseg.runs.run import Run
from kseg.workflows.job import Job, carry_out, require_tensorboard
from kseg.workflows.watching import Watch, watching


def train(
    recipe: Recipe | Run | Path | str | None = None,
    *,
    name: str | None = None,
    runs: str | Path = "saved_models",
    overwrite: bool = False,
    device: str | None = None,
    download: bool = False,
    tensorboard: bool = False,
    set: Mapping[str, Any] | None = None,
    progress: bool | Watch = False,
    **choices: Any,
) -> Run:
    """Train a network, and keep everything in a folder of its own.

    What is not given is chosen for the machine and the data. The random states of Python, NumPy and
    Keras are seeded by `seed`. The folder holds the model of the best
    epoch (`model.keras`), the recipe, history, scores and pictures.

    Args:
        recipe: What to start from: a `Recipe`, a run to make again, or the path of a `recipe.yaml`;
            by default one in which all is open.
        name: Name of the run; by default ARCH-DATA, numbered if it exists.
        runs: Folder that holds the runs.
        overwrite: Whether to replace a run of that name, once the new one is whole.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        download: Whether TensorFlow Datasets may download what is not on this machine.
        tensorboard: Whether to write logs for TensorBoard into the run.
        set: Further choices by the path of their field, such as `{"schedule.warmup": 0.2}`.
        progress: Whether to show bars, on a terminal or in a notebook.
        **choices: Fields of the recipe by their words, which are those of the command line, such as
            `data="my_data"`, `arch="unetpp"`, `epochs=20`, `learning_rate=1e-3`, `loss="ce+dice"`.

    Returns:
        The run: `run.path`, `run.scores.mean_iou`, `run.best_epoch`, `run.predictor()`, ...

    Raises:
        ArgumentError: A choice is unknown or out of its range, or the name is taken.
        KsegError: Something in the data or on the machine is wrong; nothing was written.
        Interrupted: Ctrl-C or the system broke it off; `kseg.resume` goes on.

    Example:
        >>> run = kseg.train(data="my_data", arch="unet", filters=(8, 16), epochs=1, name="first")
        >>> run.name, run.best_epoch
        ('first', 1)
        >>> round(run.scores.mean_iou, 3)
        0...
    """
    watch = watching(progress)
    root = Path(runs)
    wish, why = _wish(recipe, set, choices)
    wanted = _run_name(name, root, wish, overwrite)
    used = machine.device(device)
    watch.starts(used)
    watch.chose(why)
    if tensorboard:
        require_tensorboard()
    watch.tidied(tidy(root))
    with machine.computing_on(device):
        wish = _as_files(watch, wish, download)
        job = _prepare(watch, wish, used)
        with new_run(root, wanted, overwrite=overwrite, numbered=name is None) as run:
            carry_out(watch, job, run, tensorboard=tensorboard)
    return Run(root / run.name.removesuffix(UNFINISHED))


def _wish(
    recipe: Recipe | Run | Path | str | None,
    set: Mapping[str, Any] | None,
    choices: Mapping[str, Any],
) -> tuple[Recipe, str]:
    """Return the recipe with what the user chose in its place, checked as far as words can be.

    Architecture and weights are named in it; the sentence says why these, where they were open.
    """
    start = _start(recipe)
    with _arguments():
        wish = start.changed(set=set, **choices)
        if wish.data.path != start.data.path:
            wish = wish.changed(skipped=choices.get("skipped", ()))
        wish = _as_long(start, wish)
        model, why = choosing.chosen(wish.model, is_drawn=wish.data.path == "shapes")
        catalog.check_size(model, wish.input.size)
        catalog.check(model)
        _check_data(wish)
    return wish.changed(model=model), why


def _start(recipe: Recipe | Run | Path | str | None) -> Recipe:
    """Return the recipe to start from."""
    if recipe is None or isinstance(recipe, Recipe):
        return recipe or Recipe()
    if isinstance(recipe, Run):
        return recipe.recipe
    if not isinstance(recipe, str | Path):
        raise ArgumentError(
            f"recipe= must be a Recipe, a run, or the path of a recipe.yaml. Received: {recipe!r}."
        )
    path = Path(recipe)
    return Run(path).recipe if path.is_dir() else read_recipe(path)


@contextmanager
def _arguments() -> Iterator[None]:
    """Say of what is wrong inside that it is an argument."""
    try:
        yield
    except KsegError as error:
        raise ArgumentError(str(error)) from None


def _as_long(start: Recipe, wish: Recipe) -> Recipe:
    """Let what is said last of the length of a training be all that is said of it.

    Raises:
        KsegError: Both epochs and minutes are given.
    """
    before, after = start.loop, wish.loop
    by_epochs = after.epochs != before.epochs
    by_minutes = after.minutes != before.minutes
    if after.epochs and after.minutes and by_epochs == by_minutes and not after.done:
        raise KsegError("Give epochs= or minutes=, not both.")
    if by_epochs:
        return wish.changed(minutes=None, done=None)
    if by_minutes:
        return wish.changed(epochs=None, done=None)
    return wish


def _check_data(wish: Recipe) -> None:
    from kseg.data.sources.tfds import is_tfds

    path = wish.data.path
    if not (path == "shapes" or is_tfds(path) or Path(path).exists()):
        raise KsegError(
            f"data= must be a folder, a list of pairs, or the built-in data set shapes. Received: "
            f"'{path}', which is none of them."
        )


def _run_name(name: str | None, root: Path, wish: Recipe, overwrite: bool) -> str:
    if name is not None:
        return check_name(name, root, overwrite=overwrite)
    data = Path(wish.data.path).resolve()
    own = re.sub(r"[^\w.-]+", "-", data.stem if data.is_file() else data.name)
    return free_name(root, f"{wish.model.arch}-{own}")


def _as_files(watch: Watch, wish: Recipe, download: bool) -> Recipe:
    """Write a data set of TensorFlow Datasets as files, if they are not there, and name them."""
    from kseg.data.sources import tfds

    keys = wish.data.path, wish.data.image_key, wish.data.mask_key
    if not tfds.is_tfds(wish.data.path):
        return wish
    folder = tfds.default_folder(*keys)
    if not folder.exists():
        wanted = tfds.wanted(*keys)
        with watch.counting(f"writing {wish.data.path} to {folder}", None) as on_pair:
            tfds.import_splits(
                wanted, folder, download=download, on_pair=on_pair, on_download=watch.downloads
            )
        watch.imported(wish.data.path, folder)
    return wish.changed(data=str(folder))


def _prepare(watch: Watch, wish: Recipe, device: machine.Device) -> Job:
    """Read the data and fill what the recipe leaves open."""
    from kseg.training import defaults, engine, network, precision
    from kseg.training.data import open_data

    wish = defaults.for_machine(wish, device)
    with _arguments():
        network.check(wish)
    with watch.counting("reading the data", None) as on_sample:
        data = open_data(wish, on_sample)
    watch.read(data, wish.data.path)
    wish = wish.changed(skipped=tuple(data.skipped))
    plan = defaults.for_data(wish, device, data.train, data.splits.labels)
    if wish.loop.precision is None and precision.pays(plan, data, device):
        found = precision.measured(plan, data, device)
        plan = plan.changed(precision=min(found, key=found.__getitem__))
        watch.timed(found)
    if plan.loop.minutes and not plan.loop.done:
        watch.measures(plan.loop.minutes)
        plan = plan.changed(epochs=engine.epochs_within(plan, data, device))
    watch.planned(plan)
    return Job(plan, data, device)
