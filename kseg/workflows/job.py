"""What a training is once all is decided, carried out in a run folder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kseg import _extras
from kseg.errors import Interrupted, KsegError
from kseg.runs.making import is_worth_keeping
from kseg.runs.run import Run
from kseg.workflows.watching import Watch

if TYPE_CHECKING:
    import keras

    from kseg.encoders.matching import Weights
    from kseg.machine import Device
    from kseg.training.data import TrainingData
    from kseg.training.plan import Plan


@dataclass(frozen=True)
class Job:
    """What is to be done, on what, with what, beginning with the weights of which network."""

    plan: "Plan"
    data: "TrainingData"
    device: "Device"
    start: "Weights | None" = None


def carry_out(watch: Watch, job: Job, run: Run, *, tensorboard: bool = False) -> None:
    """Train, or go on with a training that was broken off, and score what was learned.

    Args:
        watch: Is told of it.
        job: What is done.
        run: An empty folder, or one in which the same job was broken off.
        tensorboard: Whether to write logs for TensorBoard into the run.

    Raises:
        Interrupted: Ctrl-C or the system broke it off.
        KsegError: The disk is full, or does not take what is written.
    """
    from kseg.callbacks.snapshot import remove_snapshot

    try:
        if not run.is_finished:
            _learn(watch, job, run, _tensorboard(job, run) if tensorboard else [])
        _report(watch, job, run)
        remove_snapshot(run.resume_file)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(run.path, run.epochs_reached, job.plan.fixed_epochs) from None
    except OSError as error:
        raise KsegError(f"{_said(error)} {_left(run)}") from error


def require_tensorboard() -> None:
    """Refuse to write logs for TensorBoard where it is not installed.

    Raises:
        KsegError: It is not.
    """
    for package in ("tensorflow", "tensorboard"):
        _extras.require(package, package, "Writing logs for TensorBoard")


def _learn(watch: Watch, job: Job, run: Run, logs: "list[keras.callbacks.Callback]") -> None:
    from kseg.reports import figures
    from kseg.training import engine

    with watch.training() as callbacks:
        try:
            engine.train(
                job.plan,
                job.data,
                job.device,
                run,
                [*callbacks, *logs],
                job.start,
                watch.found,
            )
        except (Interrupted, KsegError):
            if run.history_file.exists():
                figures.report_training(run)
            raise


def _report(watch: Watch, job: Job, run: Run) -> None:
    """Score the best epoch on the validation split at full size, and draw what was learned."""
    from kseg import _files
    from kseg.data.reading import files
    from kseg.evaluation import PixelSample, evaluate
    from kseg.reports import figures

    most = job.plan.input.max_side
    watch.kept(run, most if job.data.val.sizes.max() >= most else None)
    predictor = run.predictor()
    samples = run.source().split("val", job.data.splits.labels)
    with watch.counting("scoring", len(samples)) as on_image:
        pixels = PixelSample(samples.labels, len(samples))
        evaluation = evaluate(predictor, samples, on_image, pixels=pixels)
    found = {"temperature": pixels.temperature, "pixels": pixels.pixels}
    _files.write_json(run.temperature_file, found)
    _files.write_json(run.scores_file, {"split": "val", **evaluation.to_dict()})
    figures.report_training(run)
    figures.report_predictions(run, predictor, samples, evaluation)
    if job.plan.data.path == "shapes":  # none of them is on the disk, to try the prediction with
        files.write_image(run.path / "sample.png", samples[0].image)
    watch.scored(evaluation, "val")


def _said(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}."


def _left(run: Run) -> str:
    """Say what is left of a training that the disk ended."""
    if not is_worth_keeping(run):
        return "Nothing is kept: no step was taken."
    if not run.resume_file.exists():
        return (
            f"The best epoch is kept, {run.model_file}, and no state to go on from. Make room, and "
            f'begin anew: kseg.resume("{run.path}").'
        )
    return f'What was reached is kept. Make room, and go on: kseg.resume("{run.path}").'


def _tensorboard(job: Job, run: Run) -> "list[keras.callbacks.Callback]":
    import keras

    from kseg.callbacks import ClassLogs

    logs, names = run.path / "logs", job.data.splits.labels.names
    return [
        keras.callbacks.TensorBoard(logs),
        ClassLogs(logs / "classes", names, run.previews_folder),
    ]
