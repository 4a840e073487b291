"""`kseg.resume`: a training that was broken off goes on, to the same weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kseg import machine
from kseg._settings import validated
from kseg.errors import ArgumentError, KsegError
from kseg.runs.finding import open_unfinished
from kseg.runs.making import UNFINISHED, held, replace, tidy
from kseg.runs.recipe import Recipe, differences
from kseg.runs.run import Run
from kseg.workflows.job import Job, carry_out, require_tensorboard
from kseg.workflows.watching import Watch, watching

MAY_CHANGE = ("loop.checkpoint_minutes",)
WITHOUT_AN_END = ("constant", "exponential", "plateau", "step")
"""Schedules whose rate at an epoch is the same however many there are."""


def resume(
    run: Run | Path | str,
    *,
    runs: str | Path = "saved_models",
    device: str | None = None,
    tensorboard: bool = False,
    set: Mapping[str, Any] | None = None,
    progress: bool | Watch = False,
    **choices: Any,
) -> Run:
    """Go on with a training that Ctrl-C, the system, a full disk or a power cut broke off.

    On a CPU, with the same packages and number of threads, it ends with the very weights and scores
    of a training that was never broken off.

    Args:
        run: The run, its name, or its path.
        runs: Folder that holds the runs.
        device: "cpu" or "gpu"; by default the GPU where there is one.
        tensorboard: Whether to write logs for TensorBoard into the run.
        set: Changes by the path of their field, such as `{"loop.checkpoint_minutes": 1}`.
        progress: Whether to show bars, on a terminal or in a notebook.
        **choices: Changes by their words. Most would make another training of it, and are refused;
            `epochs` may grow where the schedule does not depend on them.

    Returns:
        The run, as `kseg.train` returns it.

    Raises:
        ArgumentError: There is no such training, it is finished, or a change is refused.
        KsegError: What was kept is damaged, the data have changed, or another process goes on.
        Interrupted: It was broken off again.

    Example:
        >>> run = kseg.train(data="my_data", arch="unet", filters=(2, 4), epochs=1, name="whole")
        >>> kseg.resume("whole")
        Traceback (most recent call last):
        ...
        kseg.errors.ArgumentError: The training of 'whole' is finished: 1 epochs. ...
    """
    watch = watching(progress)
    watch.tidied(tidy(Path(runs)))
    folder = open_unfinished(run, runs)
    with held(folder):
        recipe = _plan(folder, set, choices)
        used = machine.device(device)
        watch.starts(used)
        if tensorboard:
            require_tensorboard()
        with machine.computing_on(device):
            job = _prepare(watch, folder, recipe, used)
            watch.resumes(folder)
            carry_out(watch, job, folder, tensorboard=tensorboard)
    if folder.name.endswith(UNFINISHED):
        folder = Run(folder.path.with_name(folder.name.removesuffix(UNFINISHED)))
        with held(folder):
            replace(folder)
    return folder


def _plan(run: Run, set: Mapping[str, Any] | None, choices: Mapping[str, Any]) -> Recipe:
    """Return what the training does, with the changes that it allows.

    Raises:
        ArgumentError: It is finished, or a change is refused.
    """
    name = run.name.removesuffix(UNFINISHED)
    if run.is_finished and not run.resume_file.exists():
        raise ArgumentError(
            f"The training of '{name}' is finished: {run.epochs} epochs. To train longer, make it "
            f'again: kseg.train("{run.path}", name="NEW", epochs="N").'
        )
    before = run.recipe
    after = before.changed(set=set, **choices)
    allowed = {*MAY_CHANGE}
    kind = before.schedule.name.partition("(")[0].strip()
    if kind in WITHOUT_AN_END and not before.schedule.warmup and not before.loop.minutes:
        allowed.add("loop.epochs")
    for path, (old, new) in differences(before, after).items():
        if path == "loop.epochs" and path in allowed and _is_at_its_end(run):
            raise ArgumentError(
                f"The training of '{name}' has come to its end: its epochs cannot grow. Make "
                f'another training of it: kseg.train("{run.path}", name="NEW", epochs="N").'
            )
        if path not in allowed:
            raise ArgumentError(
                f"{path} cannot change while a training goes on: it is {old!r}. Received: {new!r}. "
                f'Make another training of it: kseg.train("{run.path}", name="NEW").'
            )
    if (after.loop.epochs or 0) < (before.loop.epochs or 0):
        raise ArgumentError(f"epochs= may grow from {before.loop.epochs}, not fall.")
    return after


def _is_at_its_end(run: Run) -> bool:
    """Tell whether all steps of a training are taken, and it is its end that was broken off."""
    from kseg.callbacks.snapshot import read_snapshot

    if run.is_finished:
        return True
    return run.resume_file.exists() and read_snapshot(run.resume_file).facts["position"][2]


def _prepare(watch: Watch, run: Run, recipe: Recipe, device: machine.Device) -> Job:
    from kseg.training import starting
    from kseg.training.data import open_data
    from kseg.training.plan import Plan

    with watch.counting("reading the data", None) as on_sample:
        data = open_data(recipe, on_sample, run.split_off)
    watch.read(data, recipe.data.path)
    try:
        plan = validated(Plan, recipe.model_dump())
    except KsegError as error:
        raise KsegError(f"{run.recipe_file}: {error}") from None
    start = None if run.resume_file.exists() else starting.read(recipe)
    return Job(plan, data, device, start)
