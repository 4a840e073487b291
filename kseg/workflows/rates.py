"""Learning rates before a training: `kseg.find_learning_rate` and `kseg.draw_schedule`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kseg import _calls, _checks, machine
from kseg.errors import ArgumentError, KsegError
from kseg.runs.recipe import Recipe
from kseg.runs.run import Run
from kseg.schedules.settings import SCHEDULES, warmup
from kseg.workflows.train import arguments, as_files, asked, changed, planned
from kseg.workflows.watching import Watch, watching

if TYPE_CHECKING:
    from kseg.training.rate_test import RateTest

BY_EPOCHS = ("exponential", "step")
"""Schedules that change after epochs."""
POINTS = 500
"""Of a curve, at least."""


def find_learning_rate(
    recipe: Recipe | Run | Path | str | None = None,
    *,
    path: str | Path = "learning_rate.png",
    runs: str | Path = "saved_models",
    device: str | None = None,
    download: bool = False,
    set: Mapping[str, Any] | None = None,
    progress: bool | Watch = False,
    **choices: Any,
) -> "RateTest":
    """Find a peak learning rate: a hundred steps at rates that rise until the loss explodes.

    The steps are those of the training that `kseg.train` would begin with the same words, at rates
    from 1e-7 to 10. The suggestion is the rate at which a third of the fall of the smoothed loss is
    done: there the loss falls fast, well below the rates that it does not bear. It tells the order
    of magnitude, not the second digit. No run is made.

    Args:
        recipe: What to start from: a `Recipe`, a run, or the path of a `recipe.yaml`.
        path: PNG to draw the curve in; its values go beside it as CSV.
        runs: Folder that holds the runs, where `warm_start` names one.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        download: Whether TensorFlow Datasets may download what is not on this machine.
        set: Further choices by the path of their field.
        progress: Whether to show bars, on a terminal or in a notebook.
        **choices: Fields of the recipe by their words, as in `kseg.train`.

    Returns:
        `rates`, `losses`, `smoothed`, and the `suggestion`, `None` where the loss did not fall.

    Raises:
        ArgumentError: A choice is unknown or out of its range.
        KsegError: Something in the data or on the machine is wrong; nothing was written.

    Example:
        >>> words = dict(data="my_data", arch="unet", filters=(4, 8), size=32, batch_size=3)
        >>> found = kseg.find_learning_rate(**words, path="rates.png")
        >>> found.suggestion
        0...
        >>> Path("rates.csv").read_text().split()[0]
        'learning_rate,loss,smoothed'

    References:
        Smith 2017, https://arxiv.org/abs/1506.01186, Section 3.3.
    """
    watch = watching(progress)
    wish, why = asked(recipe, Path(runs), set, choices)
    picture = _picture(path)
    used = machine.device(device)
    watch.starts(used)
    watch.chose(why)
    with machine.computing_on(device):
        job = planned(watch, as_files(watch, wish, download), used)
        watch.planned(job.plan)

        from kseg.reports import figures
        from kseg.training.rate_test import RATES, rate_test

        with watch.counting("trying learning rates", len(RATES)) as on_step:
            found = rate_test(job.plan, job.data, used, on_step, job.start)
    watch.written(figures.report_rate_test(found, picture))
    return found


def draw_schedule(
    path: str | Path,
    recipe: Recipe | Run | Path | str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    **choices: Any,
) -> Path:
    """Draw the learning rate over the training that `kseg.train` would do with the same words.

    No data are read. Where the rate is left open, it is the one that kseg takes by itself.

    Args:
        path: PNG to draw.
        recipe: What to start from: a `Recipe`, a run, or the path of a `recipe.yaml`.
        set: Further choices by the path of their field, such as `{"schedule.warmup": 0.2}`.
        **choices: Fields of the recipe by their words, such as `schedule="cosine"`, `epochs=20`.

    Returns:
        Where it was drawn.

    Raises:
        ArgumentError: A choice is unknown or out of its range, or the schedule changes after epochs
            and their number is open.

    Example:
        >>> kseg.draw_schedule("rate.png", schedule="polynomial(power=2)", epochs=20).name
        'rate.png'
    """
    picture = _picture(path)
    wish = changed(recipe, set, choices)
    with arguments():
        rates = _rates(wish)

    from kseg import _files, plots

    part = warmup(wish.schedule.name) if wish.schedule.warmup is None else wish.schedule.warmup
    done = [step / len(rates) for step in range(len(rates))]
    figure = plots.schedule_picture(done, rates, wish.loop.epochs, part)
    return _files.write_figure(picture, figure)


def _rates(wish: Recipe) -> list[float]:
    """Return the learning rate of each step of a training of some hundred steps.

    Raises:
        KsegError: The schedule has no such option, or changes after epochs that are open.
    """
    from kseg.schedules import make_schedule
    from kseg.training.defaults import RATE

    epochs = wish.loop.epochs
    name = _calls.read(wish.schedule.name, SCHEDULES, "schedule").name
    if name in BY_EPOCHS and epochs is None:
        raise KsegError(f"The schedule {name} changes after epochs: give their number by epochs=.")
    steps = (epochs or 1) * math.ceil(POINTS / (epochs or 1))
    schedule = make_schedule(
        wish.schedule, wish.optimizer.learning_rate or RATE, steps, epochs or 1
    )
    return [float(schedule(step)) for step in range(steps)]


def _picture(path: str | Path) -> Path:
    """Return the path of a picture to write.

    Raises:
        ArgumentError: It is none, or its folder is not there.
    """
    path = _checks.figure_file(path, "path")
    if not path.absolute().parent.is_dir():
        raise ArgumentError(f"{path} lies in no folder that is there. Make it first.")
    return path
