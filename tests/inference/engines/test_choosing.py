"""Engines by name say what Keras says; a network is converted for one once."""

import shutil
import sys

import keras
import numpy as np
import pytest

import kseg
from kseg.errors import ArgumentError, KsegError
from kseg.inference.engines import engine_named
from kseg.inference.engines.converted import there
from kseg.inference.engines.keras_model import in_bfloat16
from kseg.inference.settings import ENGINES

RNG = np.random.default_rng(0)
# Through a dozen layers.
TOLERANCE = {"keras-bfloat16": 0.03, "openvino-bfloat16": 0.03, "openvino-int8": 0.1}


@pytest.fixture(scope="module")
def model():
    """A network whose running statistics are not those it begins with."""
    keras.utils.set_random_seed(0)
    network = kseg.build_unet((None, None, 3), 3, filters=(4, 8))
    for weight in network.non_trainable_weights:
        if "variance" in weight.path:
            weight.assign(weight * RNG.uniform(0.5, 2))
    return network


@pytest.mark.parametrize("name", ENGINES)
def test_each_says_what_the_network_says(model, name, tmp_path):
    if name not in there():
        pytest.skip(f"{name} is not installed")
    seen = [RNG.integers(0, 256, (1, 32, 48, 3), np.uint8) for _ in range(8)]
    engine = engine_named(name, model, 2, tmp_path / "engines", lambda: seen)
    for shape in ((2, 32, 48, 3), (1, 64, 32, 3), (3, 32, 48, 3)):
        images = RNG.integers(0, 256, shape, np.uint8)
        expected = keras.ops.convert_to_numpy(model(images))
        for given in (images, images.astype(np.float32)):
            found = engine(given)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=TOLERANCE.get(name, 3e-4))
    if name in TOLERANCE:  # or it would compute in float32 all the same
        assert np.abs(found - expected).max() > 1e-5


def test_what_pixels_and_probabilities_go_through_stays_in_float32(model):
    copy = in_bfloat16(model)
    formats = {layer.name: layer.compute_dtype for layer in copy.layers}
    assert formats["probabilities"] == formats[copy.layers[1].name] == "float32"
    computing = [layer for layer in copy.layers if layer.weights]
    assert {layer.compute_dtype for layer in computing} == {"bfloat16"}
    assert {weight.dtype for layer in computing for weight in layer.weights} == {"float32"}
    assert all(layer.compute_dtype == "float32" for layer in model.layers)


def test_a_frozen_network_keeps_its_weights():
    network = kseg.build_unet((None, None, 3), 2, filters=(2, 4))
    images = RNG.integers(0, 256, (1, 8, 8, 3), np.uint8)
    frozen = kseg.inference.keras_engine(network, frozen=True)
    live = kseg.inference.keras_engine(network)
    before = live(images)
    network.set_weights([np.ones_like(weight) for weight in network.get_weights()])
    np.testing.assert_allclose(frozen(images), before, atol=1e-6)
    assert np.abs(live(images) - before).max() > 1e-3


@pytest.mark.skipif("openvino" not in there(), reason="openvino is not installed")
def test_a_network_is_converted_once(model, tmp_path):
    engine_named("openvino", model, 2, tmp_path)
    before = (tmp_path / "openvino/model.xml").stat().st_mtime_ns
    engine_named("openvino-bfloat16", model, 2, tmp_path)
    assert (tmp_path / "openvino/model.xml").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["openvino"]


@pytest.mark.parametrize("name", ["openvino", "openvino-int8", "onnxruntime"])
def test_a_network_that_is_damaged_is_converted_anew(model, tmp_path, name):
    if name not in there():
        pytest.skip(f"{name} is not installed")
    images = RNG.integers(0, 256, (1, 16, 16, 3), np.uint8)
    before = engine_named(name, model, 2, tmp_path, lambda: [images])(images)
    for pattern, content in (("model.[ox]*", b"<net"), ("model.[ox]*", None), ("*.bin", b"")):
        for path in tmp_path.rglob(pattern):
            path.unlink()
            if content is not None:
                path.write_bytes(content)
        after = engine_named(name, model, 2, tmp_path, lambda: [images])(images)
        np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.skipif("openvino" not in there(), reason="openvino is not installed")
def test_a_full_disk_is_told_from_a_fault(model, tmp_path, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("basic_ios::clear: iostream error")

    monkeypatch.setattr("kseg.inference.engines.choosing.export", full)
    with pytest.raises(KsegError, match="into .*openvino: basic_ios.*engine='keras'"):
        engine_named("openvino", model, 2, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("openvino-int8" not in there(), reason="openvino or nncf is not installed")
def test_a_network_in_8_bits_runs_without_what_made_it(model, tmp_path, monkeypatch):
    images = RNG.integers(0, 256, (1, 16, 16, 3), np.uint8)
    before = engine_named("openvino-int8", model, 2, tmp_path, lambda: [images])(images)
    monkeypatch.setitem(sys.modules, "nncf", None)
    after = engine_named("openvino-int8", model, 2, tmp_path)(images)
    np.testing.assert_array_equal(after, before)


def test_what_cannot_be_is_said_and_leaves_nothing(model, tmp_path, monkeypatch):
    with pytest.raises(KsegError, match="openvino"):
        engine_named("opnvino", model, 2, tmp_path)
    if "openvino-int8" in there():
        with pytest.raises(KsegError, match="takes images of the run's training"):
            engine_named("openvino-int8", model, 2, tmp_path)
        shutil.rmtree(tmp_path / "openvino")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(KsegError, match="engine='openvino' needs openvino.*pip install openvino"):
        engine_named("openvino", model, 2, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert there() == ["keras", "keras-bfloat16"]
    with pytest.raises(ArgumentError, match="KERAS_BACKEND=tensorflow"):
        engine_named("onnxruntime", model, 2, tmp_path)
    assert not list(tmp_path.iterdir())
