"""`kseg.resume`: what goes on, what is refused, and where the run ends up."""

import contextlib
import os
import signal

import keras
import pytest

import kseg
from kseg.errors import ArgumentError, Interrupted, KsegError
from kseg.runs.making import held
from kseg.workflows.watching import Watch

TINY = {"arch": "convnet", "width": 2, "size": 32, "batch_size": 2, "epochs": 3}


class CtrlC(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)


class Breaking(Watch):
    """Breaks a training off after so many steps."""

    def __init__(self, step):
        self.step = step

    def training(self):
        return contextlib.nullcontext([CtrlC(self.step)])


def broken(workplace, runs, step=4, **words):
    with pytest.raises(Interrupted) as stop:
        kseg.train(data=workplace / "data", runs=runs, progress=Breaking(step), **(TINY | words))
    return stop.value.path


def test_a_training_goes_on_and_is_scored(workplace, tmp_path):
    whole = kseg.train(data=workplace / "data", runs=tmp_path, name="whole", **TINY)
    path = broken(workplace, tmp_path, name="a")
    assert path == tmp_path / "a"
    run = kseg.resume("a", runs=tmp_path)
    assert run.history_file.read_bytes() == whole.history_file.read_bytes()
    assert run.scores.mean_iou == whole.scores.mean_iou
    assert {file.name for file in run.path.iterdir()} == {
        file.name for file in whole.path.iterdir()
    }
    with pytest.raises(ArgumentError, match="'a' is finished: 3 epochs"):
        kseg.resume(run)


def test_a_training_that_is_to_replace_a_run_does_so_when_it_is_whole(workplace, tmp_path):
    first = kseg.train(data=workplace / "data", runs=tmp_path, name="a", **(TINY | {"epochs": 1}))
    scores = first.scores_file.read_bytes()
    path = broken(workplace, tmp_path, name="a", overwrite=True)
    assert path == tmp_path / "a.unfinished"
    assert first.scores_file.read_bytes() == scores
    run = kseg.resume("a", runs=tmp_path)
    assert run.path == tmp_path / "a"
    assert run.epochs == 3
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_what_would_make_another_training_is_refused(workplace, tmp_path):
    path = broken(workplace, tmp_path, name="a")
    for words, said in [
        ({"loss": "dice"}, "loss.terms cannot change while a training goes on: it is 'ce'"),
        ({"epochs": 5}, "loop.epochs cannot change"),
        ({"set": {"optimizer.l2": 1}}, "optimizer.l2 cannot change"),
        ({"lr": 1}, "Did you mean 'learning_rate'"),
    ]:
        with pytest.raises(KsegError, match=said):
            kseg.resume(path, **words)
    assert kseg.resume(path, set={"loop.checkpoint_minutes": 1.0}).epochs == 3


def test_more_epochs_where_the_schedule_does_not_end(workplace, tmp_path):
    words = {"schedule": "step(at=[1], factors=[1,0.1])", "warmup": 0}
    path = broken(workplace, tmp_path, name="a", **words)
    with pytest.raises(ArgumentError, match="may grow from 3"):
        kseg.resume(path, epochs=2)
    run = kseg.resume(path, epochs=4)
    assert run.epochs == 4
    assert run.recipe.loop.epochs == 4
    rates = run.history["learning_rate"]
    assert rates[1:] == pytest.approx([rates[0] / 10] * 3)


def test_a_training_that_has_come_to_its_end_does_not_grow(workplace, tmp_path, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    words = {"schedule": "constant", "warmup": 0, "name": "a"}
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("kseg.evaluation.evaluate", stop)
        kseg.train(data=workplace / "data", runs=tmp_path, **TINY | words)
    with pytest.raises(ArgumentError, match="has come to its end: its epochs cannot grow"):
        kseg.resume("a", runs=tmp_path, epochs=9)
    assert kseg.resume("a", runs=tmp_path).epochs == 3


def test_without_a_state_it_begins_anew_from_the_same_weights(workplace, tmp_path):
    words = {"data": workplace / "data", "runs": tmp_path, **TINY}
    first = kseg.train(name="first", **words)
    whole = kseg.train(name="whole", warm_start=first, **words)
    path = broken(workplace, tmp_path, step=8, name="a", warm_start=first)
    assert (path / "model.keras").exists()
    for file in path.glob("resume*.npz"):
        file.unlink()
    run = kseg.resume("a", runs=tmp_path)
    assert run.history_file.read_bytes() == whole.history_file.read_bytes()


def test_a_state_that_does_not_fit_changes_nothing(workplace, tmp_path, monkeypatch):
    path = broken(workplace, tmp_path, name="a")
    before = (path / "training.json").read_bytes()

    def refused(*_):
        raise KsegError("The training cannot go on: there is one more image.")

    with monkeypatch.context() as patch, pytest.raises(KsegError, match="one more image"):
        patch.setattr("kseg.callbacks.ResumePoint.restore", refused)
        kseg.resume("a", runs=tmp_path)
    assert (path / "training.json").read_bytes() == before
    assert kseg.resume("a", runs=tmp_path).epochs == 3


def test_it_may_be_broken_off_before_its_first_step(workplace, tmp_path, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("kseg.training.engine.assemble", stop)
        kseg.train(data=workplace / "data", runs=tmp_path, name="a", **TINY)
    assert not list(tmp_path.iterdir())
    path = tmp_path / "a"
    path.mkdir()
    (path / ".lock").touch()  # as a killed process leaves it
    assert kseg.train(data=workplace / "data", runs=tmp_path, name="a", **TINY).path == path


def test_a_training_of_another_process_is_left_alone(workplace, tmp_path):
    path = broken(workplace, tmp_path, name="a")
    with held(kseg.Run(path)), pytest.raises(KsegError, match="Another process works in"):
        kseg.resume(path)
    with pytest.raises(ArgumentError, match="Trainings to go on with: a"):
        kseg.resume("b", runs=tmp_path)


def test_scores_that_were_broken_off_are_made(workplace, tmp_path, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("kseg.evaluation.evaluate", stop)
    with pytest.raises(Interrupted):
        kseg.train(data=workplace / "data", runs=tmp_path, name="a", **TINY)
    monkeypatch.undo()
    assert kseg.resume("a", runs=tmp_path).scores.mean_iou > 0
