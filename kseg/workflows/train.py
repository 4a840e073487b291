"""`kseg.train`: from a recipe, or a few words, to a run."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kseg import machine
from kseg.errors import ArgumentError, KsegError
from kseg.models import catalog, choosing
from kseg.models.settings import AUTO, NONE
from kseg.runs.making import UNFINISHED, check_name, free_name, new_run, tidy
from kseg.runs.recipe import Recipe, read_recipe
from kseg.runs.run import Run
from kseg.workflows import warm
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
            `data="my_data"`, `arch="unetpp"`, `epochs=20`, `learning_rate=1e-3`, `loss="ce+dice"`,
            and `warm_start=run` for an earlier run whose weights it starts from.

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
    wish, why = asked(recipe, root, set, choices)
    watch.tidied(tidy(root))
    wanted = _run_name(name, root, wish, overwrite)
    used = machine.device(device)
    watch.starts(used)
    watch.chose(why)
    if tensorboard:
        require_tensorboard()
    with machine.computing_on(device):
        wish = as_files(watch, wish, download)
        job = _prepare(watch, wish, used)
        with new_run(root, wanted, overwrite=overwrite, numbered=name is None) as run:
            carry_out(watch, job, run, tensorboard=tensorboard)
    return Run(root / run.name.removesuffix(UNFINISHED))


def asked(
    recipe: Recipe | Run | Path | str | None,
    root: Path,
    set: Mapping[str, Any] | None,
    choices: Mapping[str, Any],
) -> tuple[Recipe, str]:
    """Return the recipe with what the user chose in its place, checked as far as words can be.

    Architecture and weights are named in it; the sentence says why these, where they were open.

    Args:
        recipe: What to start from.
        root: Folder that holds the runs.
        set: Choices by the path of their field.
        choices: Choices by the word of their field.

    Raises:
        ArgumentError: A choice is unknown or out of its range, or two do not fit each other.
    """
    wish = changed(recipe, set, choices)
    with arguments():
        wish, why = warm.from_run(wish, root)
        model, other = choosing.chosen(wish.model, is_drawn=wish.data.path == "shapes")
        catalog.check_size(model, wish.input.size)
        catalog.check(model)
        _check_data(wish)
    return wish.changed(model=model), why or other


def changed(
    recipe: Recipe | Run | Path | str | None,
    set: Mapping[str, Any] | None,
    choices: Mapping[str, Any],
) -> Recipe:
    """Return the recipe with what the user chose in its place, as it was said.

    Raises:
        ArgumentError: A choice is unknown or out of its range.
    """
    start = _start(recipe)
    choices = {word: _path_of(value) for word, value in choices.items()}
    with arguments():
        wish = start.changed(set=set, **choices)
        wish = _by_classes(start, wish, set, choices)
        _check_one_start(wish, set, choices)
        if wish.data.path != start.data.path:
            wish = wish.changed(skipped=choices.get("skipped", ()))
        return _as_long(start, wish)


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


def _path_of(value: Any) -> Any:
    """Return the path of a run, as a recipe names it; anything else as it is."""
    return str(value.path) if isinstance(value, Run) else value


@contextmanager
def arguments() -> Iterator[None]:
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


def _check_one_start(
    wish: Recipe, set: Mapping[str, Any] | None, choices: Mapping[str, Any]
) -> None:
    """Refuse two kinds of weights to start from; those of a recipe give way to a warm start."""
    weights = dict(set or {}).get("model.weights", choices.get("weights", NONE))
    if wish.model.warm_start is not None and weights not in (AUTO, NONE):
        raise KsegError(
            f"warm_start='{wish.model.warm_start}' and weights='{weights}' are two things to start "
            "from. Leave one of them out."
        )


def _by_classes(
    start: Recipe, wish: Recipe, set: Mapping[str, Any] | None, choices: Mapping[str, Any]
) -> Recipe:
    """Have each class in every fold, where folds are new and nothing is said of how to divide."""
    is_said = "split_by" in choices or "data.split_by" in dict(set or {})
    if wish.data.folds is None or start.data.folds is not None or is_said:
        return wish
    return wish.changed(split_by="classes") if wish.data.split_by == "random" else wish


def _check_data(wish: Recipe) -> None:
    from kseg.data.sources.tfds import is_tfds

    folds, fold = wish.data.folds, wish.data.fold
    if (folds is None) != (fold is None):
        raise KsegError(
            "folds= says how many parts there are, and fold= which of them validates: give both to "
            "train one fold. kseg.cross_validate(folds=5) trains them all. Received: "
            f"{'folds' if fold is None else 'fold'} alone."
        )
    if folds is not None and fold is not None and fold > folds:
        raise KsegError(f"fold= must be from 1 to {folds}, the number of folds. Received: {fold}.")
    path = wish.data.path
    if not (path == "shapes" or is_tfds(path) or Path(path).exists()):
        raise KsegError(
            f"data= must be a folder, a list of pairs, or the built-in data set shapes. Received: "
            f"'{path}', which is none of them."
        )


def _run_name(name: str | None, root: Path, wish: Recipe, overwrite: bool) -> str:
    if name is not None:
        with arguments():
            warm.check_kept(wish, root / name)
        return check_name(name, root, overwrite=overwrite)
    fold = "" if wish.data.fold is None else f"-fold{wish.data.fold}"
    return free_name(root, f"{default_name(wish)}{fold}")


def default_name(wish: Recipe) -> str:
    """Return what a run is called that is given no name."""
    data = Path(wish.data.path).resolve()
    own = re.sub(r"[^\w.-]+", "-", data.stem if data.is_file() else data.name)
    return f"{wish.model.arch}-{own}"


def as_files(watch: Watch, wish: Recipe, download: bool) -> Recipe:
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
    """Read the data, fill what the recipe leaves open, and measure what the machine does."""
    from kseg.training import engine, precision, starting

    job = planned(watch, wish, device)
    plan, data = job.plan, job.data
    if wish.loop.precision is None and precision.pays(plan, data, device):
        timed = precision.measured(plan, data, device)
        plan = plan.changed(precision=min(timed, key=timed.__getitem__))
        watch.timed(timed)
    if plan.loop.minutes and not plan.loop.done:
        watch.measures(plan.loop.minutes)
        plan = plan.changed(epochs=engine.epochs_within(plan, data, device))
    watch.planned(plan)
    if job.start is not None:
        found = starting.matched(plan, job.start, len(data.splits.labels))
        watch.takes(found, str(plan.model.warm_start))
    return replace(job, plan=plan)


def planned(watch: Watch, wish: Recipe, device: machine.Device) -> Job:
    """Read the data and fill what the recipe leaves open.

    Raises:
        ArgumentError: The network or the loss of the recipe cannot be made.
        KsegError: The data set is not whole.
    """
    from kseg.training import defaults, network, starting
    from kseg.training.data import open_data

    wish = defaults.for_machine(wish, device)
    with arguments():
        defaults.check_thaw(wish)
        network.check(wish)
        start = starting.read(wish)
    with watch.counting("reading the data", None) as on_sample:
        data = open_data(wish, on_sample)
    watch.read(data, wish.data.path)
    wish = wish.changed(skipped=tuple(data.skipped))
    plan = defaults.for_data(wish, device, data.train, data.splits.labels)
    return Job(plan, data, device, start)
