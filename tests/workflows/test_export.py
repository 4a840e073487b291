"""`kseg.export`: what other programs run says what kseg says, on images of any size."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kseg
from kseg import blocks
from kseg.errors import ArgumentError, KsegError
from kseg.inference import Predictor, Serving, keras_engine, load_model, serving

CONSUMERS = Path(__file__).resolve().parents[2] / "examples/consumers"
FILES = {
    "saved_model": "model",
    "onnx": "model.onnx",
    "openvino": "model.xml",
    "litert": "model.tflite",
}
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a U-Net: what is padded to its stride, pooled, and made larger again."""
    from tests.conftest import write_data

    root = tmp_path_factory.mktemp("export")
    write_data(root / "data")
    words = {"arch": "unet", "width": 4, "size": 32, "batch_size": 3, "epochs": 8}
    return kseg.train(
        data=root / "data", name="unet", runs=root / "runs", learning_rate=0.01, **words
    )


@pytest.mark.parametrize("format", FILES)
def test_what_is_written_agrees_with_the_run_and_needs_no_kseg(trained, format, tmp_path):
    for package in serving.FORMATS[format].packages:
        pytest.importorskip(package)
    out = tmp_path / format
    found = kseg.export(trained, format=format, out=out)
    assert found.path == out / FILES[format]
    assert found.is_real
    assert len(set(found.sizes)) == 2
    assert all(side % 16 for size in found.sizes for side in size)
    assert (found.difference, found.agreement) == (0, 1)
    classes = json.loads(found.classes.read_text())
    assert classes["classes"] == list(trained.labels.names)
    image = RNG.integers(0, 256, (45, 61, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    script = CONSUMERS / f"run_{format}.py"
    assert not {"kseg", "keras"} & set(script.read_text().split())
    command = [sys.executable, script, found.path, tmp_path / "image.png", tmp_path / "mask.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (expected,) = trained.predictor(max_side=100).predict([image])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "mask.png")), expected)
    assert len(np.unique(expected)) == 2  # both classes, or it would compare nothing


def test_a_full_disk_is_told_from_a_fault_and_the_export_before_stays(
    trained, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise RuntimeError("basic_ios::clear: iostream error")

    out = tmp_path / "out"
    out.mkdir()
    (out / "model.onnx").write_bytes(b"before")
    monkeypatch.setattr(serving, "export", full)
    with pytest.raises(KsegError, match=r"out cannot be written: basic_ios.*Is there room\?"):
        kseg.export(trained, format="onnx", out=out, overwrite=True)
    assert (out / "model.onnx").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("format", FILES)
def test_every_way_to_pool_to_activate_and_to_make_larger_is_written(format, tmp_path):
    """Of a network for any size: converters lose what they do not know of the features."""
    for package in serving.FORMATS[format].packages:
        pytest.importorskip(package)
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = blocks.convolution(x, 4, name="first")
    x = keras.layers.MaxPooling2D(2)(x)
    x = blocks.convolution(x, 4, activation="gelu", name="second")
    x = keras.layers.Concatenate()([x, blocks.pooled_context(x, 4, bins=3, name="pooled")])
    x = blocks.up_convolution(x, 4, name="up")
    x = blocks.bilinear(keras.layers.AveragePooling2D(2)(x), name="bilinear")
    outputs = keras.layers.Conv2D(3, 3, padding="same", activation="softmax")(x)
    network = keras.Model(image, outputs)
    network.save(tmp_path / "network.keras")
    expected = Serving(load_model(tmp_path / "network.keras"), 2, "probabilities")
    (tmp_path / format).mkdir()
    ask = serving.opened(serving.export(expected, tmp_path / format, format), format)
    for size in ((33, 21), (20, 46)):
        images = RNG.integers(0, 256, (1, *size, 3), np.uint8)
        np.testing.assert_allclose(ask(images), network_answer(network, images), atol=1e-5)


def network_answer(network, images):
    """What the network says, padded to even sides by its edge."""
    height, width = images.shape[1:3]
    sides = ((0, 0), (0, height % 2), (0, width % 2), (0, 0))
    return np.asarray(network(np.pad(images, sides, mode="edge")))[:, :height, :width]


def test_probabilities_and_a_size_of_its_own(trained, tmp_path):
    assert trained.temperature != 1
    words = {"output": "probabilities", "out": tmp_path / "out"}
    found = kseg.export(trained, **words)
    assert found.difference < 1e-5
    ask = serving.opened(found.path, "saved_model")
    image = RNG.integers(0, 256, (33, 50, 3), np.uint8)
    (expected,) = trained.predictor(max_side=100).probabilities([image])
    np.testing.assert_allclose(ask(image[None])[0], expected.array(), atol=1e-5)
    with pytest.raises(KsegError, match="is there already"):
        kseg.export(trained, **words)
    found = kseg.export(trained, size=(48, 64), overwrite=True, **words)
    answer = serving.opened(found.path, "saved_model")(image[None])
    assert answer.shape == (1, 33, 50, 2)
    np.testing.assert_allclose(answer.sum(axis=-1), 1, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_folder_of_other_files_is_never_replaced(trained, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_text("a photo")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    for out in (tmp_path / "photos", tmp_path / "link", trained.path, tmp_path / "photos/a.jpg"):
        with pytest.raises(KsegError, match="holds other files than an export|is no folder"):
            kseg.export(trained, out=out, overwrite=True)
    assert (tmp_path / "photos/a.jpg").read_text() == "a photo"
    assert trained.model_file.is_file()


def test_a_single_output_gives_two_classes():
    network = kseg.build_unet((None, None, 3), 1, filters=(4, 8))
    images = RNG.integers(0, 256, (2, 21, 34, 3), np.uint8)
    told = np.asarray(Serving(network, 2, "probabilities")(images))
    assert told.shape == (2, 21, 34, 2)
    found = Predictor(keras_engine(network), stride=2).probabilities(images)
    np.testing.assert_allclose(told, [one.array() for one in found], atol=1e-5)
    classes = np.asarray(Serving(network, 2)(images))
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, told[..., 1] >= 0.5)


def test_what_cannot_be_written_is_said_before_the_model_is_read(trained, tmp_path, monkeypatch):
    with pytest.raises(KsegError, match=r"size= must be multiples of the network's stride, 16"):
        kseg.export(trained, size=(30, 48), out=tmp_path / "out")
    with pytest.raises(KsegError, match="onnx"):
        kseg.export(trained, format="onx", out=tmp_path / "out")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(KsegError, match="python -m pip install openvino"):
        kseg.export(trained, format="openvino", out=tmp_path / "out")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ArgumentError, match="KERAS_BACKEND=tensorflow"):
        kseg.export(trained, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_its_data_a_run_is_checked_on_noise(trained, tmp_path):
    run = kseg.Run(tmp_path / "elsewhere")
    shutil.copytree(trained.path, run.path)
    text = run.recipe_file.read_text().replace("export0/data", "export0/gone")
    run.recipe_file.write_text(text)
    found = kseg.export(run)
    assert not found.is_real
    assert found.path == run.path / "saved_model/model"
    assert found.agreement == 1
