"""Which engine answers: what is asked for, or what was timed to be the fastest."""

import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import kseg
from kseg import machine
from kseg.data.samples import Few
from kseg.errors import KsegError
from kseg.machine import Device
from kseg.workflows import engines
from kseg.workflows.answering import Answering
from kseg.workflows.watching import Watch

CPU = Device("cpu", "a CPU", "float32")
GPU = Device("gpu", "a GPU", "bfloat16")
TIMES = {"keras": 0.2, "openvino": 0.1, "onnxruntime": 0.3}


class Notes(Watch):
    """Keeps what it is told of engines."""

    def __init__(self):
        self.told = []

    def compares(self, engines):
        self.told.append("timing")

    def answers(self, engine, found):
        self.told.append(engine)


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """A machine that has timed nothing yet, and has three engines."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engines, "there", lambda: list(TIMES))


def test_the_fastest_is_timed_once_and_remembered(run, monkeypatch):
    monkeypatch.setattr(engines, "_timed", lambda *_: TIMES)
    notes = Notes()
    assert engines.engine_for(run, "auto", 100, CPU, notes) == "openvino"
    monkeypatch.setattr(engines, "_timed", lambda *_: pytest.fail("timed again"))
    for count in (1, 100, None):
        assert engines.engine_for(run, "auto", count, CPU, notes) == "openvino"
    assert notes.told == ["timing", *["openvino"] * 4]


@pytest.mark.parametrize(
    ("wanted", "count", "device", "expected"),
    [
        ("auto", 99, CPU, "keras"),  # over before it pays
        ("auto", None, CPU, "keras"),
        ("keras-bfloat16", 1, GPU, "keras-bfloat16"),
        ("onnxruntime", 1, CPU, "onnxruntime"),
    ],
)
def test_nothing_is_timed_where_it_is_not_needed(run, monkeypatch, wanted, count, device, expected):
    monkeypatch.setattr(engines, "_timed", lambda *_: pytest.fail("timed"))
    assert engines.engine_for(run, wanted, count, device, Watch()) == expected


def test_on_a_gpu_keras_alone_is_timed(run, monkeypatch):
    asked = []

    def timed(run, names, watch):
        asked.extend(names)
        return {"keras": 0.2, "keras-bfloat16": 0.1}

    monkeypatch.setattr(engines, "_timed", timed)
    assert engines.engine_for(run, "auto", 1000, GPU, Watch()) == "keras-bfloat16"
    assert asked == ["keras", "keras-bfloat16"]


@pytest.mark.parametrize("error", [KsegError("not installed"), RuntimeError("no such operation")])
def test_an_engine_that_cannot_run_the_network_is_left_out(run, monkeypatch, error):
    right = run.engine()

    def engine(self, name="keras"):
        if name == "openvino":
            raise error
        if name == "onnxruntime":
            return lambda images: int("fails when it is asked")
        return right

    monkeypatch.setattr(kseg.Run, "engine", engine)
    assert engines.engine_for(run, "auto", 1000, CPU, Watch()) == "keras"
    (found,) = machine.known_times("answer").values()
    assert list(found) == ["keras"]
    assert found["keras"] > 0


def test_without_the_validation_images_engines_of_few_bits_are_left_out(run, monkeypatch):
    right = run.engine()
    times = {"keras": 0.2, "openvino": 0.1, "openvino-int8": 0.05}
    monkeypatch.setattr(engines, "there", lambda: list(times))
    monkeypatch.setattr(machine, "least_times", lambda functions: times)
    monkeypatch.setattr(kseg.Run, "engine", lambda self, name="keras": right)

    def broken(self, *_):
        raise KsegError("the image is damaged")

    monkeypatch.setattr(Few, "__getitem__", broken)
    engines.engine_for(run, "auto", 1000, CPU, Watch())
    (found,) = machine.known_times("answer").values()
    assert set(found) == {"keras", "openvino"}


def test_engines_are_timed_on_the_device_that_is_asked_for(run, monkeypatch):
    asked = []

    def on(kind):
        asked.append(kind)
        return nullcontext()

    monkeypatch.setattr(machine, "computing_on", on)
    monkeypatch.setattr(engines, "_timed", lambda *_: [*asked] and TIMES)
    assert engines.engine_for(run, "auto", 100, CPU, Watch()) == "openvino"
    assert asked == ["cpu"]


def test_dropout_is_left_to_keras(run, monkeypatch):
    monkeypatch.setattr(engines, "_timed", lambda *_: TIMES)
    answering = Answering((run,), None, "flip", None, None, None, None)
    assert engines.with_engines(answering, "auto", 1000, Watch()).engines == ("openvino",)
    dropping = replace(answering, tta="dropout")
    assert engines.with_engines(dropping, "auto", 1000, Watch()).engines == ("keras",)


def test_what_scores_less_is_left_out_and_told(run, monkeypatch):
    """One that says the other class."""
    right = run.engine()

    def wrong(images):
        return right(images)[..., ::-1]

    engines_of = {"keras": right, "openvino": wrong, "onnxruntime": wrong}
    monkeypatch.setattr(machine, "least_times", lambda functions: TIMES)
    monkeypatch.setattr(kseg.Run, "engine", lambda self, name="keras": engines_of[name])
    lost = []

    class Losses(Watch):
        def loses(self, engine, less):
            lost.append((engine, less > 0.01))

    assert engines.engine_for(run, "auto", 1000, CPU, Losses()) == "keras"
    (found,) = machine.known_times("answer").values()
    assert set(found) == {"keras", "onnxruntime"}  # which is slower, and will not be taken
    assert lost == [("openvino", True)]


def test_engines_agree_in_prediction_and_evaluation(run):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
    one, other = (
        next(kseg.predict(run, image, engine=engine, probabilities=True))
        for engine in ("keras", "onnxruntime")
    )
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
    notes = Notes()
    scored = kseg.evaluate(run, split="val", engine="onnxruntime", progress=notes)
    assert notes.told == ["onnxruntime"]
    assert scored.scores.mean_iou == pytest.approx(run.scores.mean_iou, abs=1e-3)
    assert (run.path / "engines").is_dir()


def test_a_converted_network_answers_without_keras(run, workplace):
    """In another process, as of the next command, where Keras cannot be imported."""
    pytest.importorskip("openvino")
    image = workplace / "data/val/images/0.png"
    expected = next(kseg.predict(run, image, engine="openvino"))
    script = f"""
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
from kseg.cli.group import kseg
words = ["--run", {str(run.path)!r}, "--out", "out", "--engine", "openvino", "--rank"]
kseg(["predict", {str(image)!r}, *words], standalone_mode=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=workplace, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "engine     openvino" in done.stdout
    (mask,) = (workplace / "out").rglob("0_mask.png")
    np.testing.assert_array_equal(np.asarray(Image.open(mask)), expected.mask)


def test_an_unknown_engine_is_refused(run):
    with pytest.raises(KsegError, match="onnxruntime"):
        kseg.predict(run, np.zeros((8, 8, 3), np.uint8), engine="onnx")
    with pytest.raises(KsegError, match="keras"):
        kseg.evaluate(run, engine="kears")
