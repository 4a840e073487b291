"""Files from elsewhere: refused where they are not safe, called damaged where they are that."""

import io
import json
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

import kseg
from kseg._saved import open_model
from kseg.errors import KsegError

pytestmark = pytest.mark.backend


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "whole.keras"
    kseg.build_unet((None, None, 3), 2, filters=(2, 4)).save(path)
    return path


def changed(whole, path, compression=zipfile.ZIP_STORED, **members):
    """Write a copy with some members replaced or added; `None` leaves one out."""
    with zipfile.ZipFile(whole) as file:
        content = {name: file.read(name) for name in file.namelist()}
    content |= {name.replace("__", "."): value for name, value in members.items()}
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, value in content.items():
            if value is not None:
                file.writestr(name, value)
    return path


def config_of(whole):
    with zipfile.ZipFile(whole) as file:
        return json.loads(file.read("config.json"))


def greedy(whole):
    """A config whose last layer has 200 million filters."""
    config = config_of(whole)
    (logits,) = (layer for layer in config["config"]["layers"] if layer["name"] == "logits")
    logits["config"]["filters"] = 200_000_000
    return config


def test_what_is_whole_is_read(whole):
    model = open_model(whole, "save it again")
    expected = keras.models.load_model(whole)
    for one, two in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@keras.saving.register_keras_serializable("elsewhere")
class Loss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred)


def test_how_a_model_was_compiled_does_not_matter(tmp_path):
    """Its loss may be a class that nobody here knows."""
    model = kseg.build_convnet((8, 8, 3), 2, filters=(2,))
    model.compile(keras.optimizers.Adam(), Loss())
    model.save(tmp_path / "compiled.keras")
    config = config_of(tmp_path / "compiled.keras")
    text = json.dumps(config).replace("elsewhere>Loss", "nowhere>Lost")
    assert "nowhere" in text
    path = changed(tmp_path / "compiled.keras", tmp_path / "a.keras", config__json=text)
    for one, two in zip(open_model(path, "").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_compiled_part_is_looked_through_too(whole, tmp_path):
    part = {"module": "keras.layers", "class_name": "Dense", "config": {}}
    part["compile_config"] = {"loss": {"module": "os", "class_name": "system"}}
    path = changed(whole, tmp_path / "a.keras", config__json=with_layer(whole, part))
    with pytest.raises(KsegError, match="'system' of os"):
        open_model(path, "")


def with_layer(whole, layer):
    config = config_of(whole)
    config["config"]["layers"].append(layer)
    return json.dumps(config)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({"module": "keras.layers", "class_name": "Lambda", "config": {}}, "a Python function"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {}}, "a program of Tens"),
        ({"module": "keras.layers", "class_name": "StringLookup"}, "a reader of files"),
        ({"module": "os", "class_name": "system", "config": "true"}, "'system' of os"),
        ({"module": "keras.utils", "class_name": "get_file"}, "'get_file' of keras.utils"),
        ({"module": "kerasx.layers", "class_name": "Dense"}, "'Dense' of kerasx.layers"),
        ({"module": "keras.src.saving", "class_name": "load_model"}, "which is not Keras's"),
    ],
)
def test_a_class_that_is_no_layer_of_keras_is_refused(whole, tmp_path, layer, expected):
    path = changed(whole, tmp_path / "a.keras", config__json=with_layer(whole, layer))
    with pytest.raises(KsegError, match=expected) as error:
        open_model(path, "save it again")
    assert "is refused" in str(error.value)


def test_a_network_that_asks_for_more_than_the_file_holds_is_refused(whole, tmp_path):
    path = changed(whole, tmp_path / "a.keras", config__json=json.dumps(greedy(whole)))
    tracemalloc.start()
    with pytest.raises(KsegError, match=r"asks for [\d,]+ numbers and holds [\d,]+ bytes"):
        open_model(path, "save it again")
    assert tracemalloc.get_traced_memory()[1] < 2**28
    tracemalloc.stop()


def test_what_was_refused_is_not_made_later_either(whole, tmp_path, monkeypatch):
    path = changed(whole, tmp_path / "a.keras", config__json=json.dumps(greedy(whole)))
    made = []
    monkeypatch.setattr(
        keras.initializers.Zeros, "__call__", lambda self, shape, dtype=None: made.append(shape)
    )
    with pytest.raises(KsegError, match="asks for"):
        open_model(path, "save it again")
    made.clear()
    with keras.StatelessScope():
        pass  # at whose end Keras gives values to what has none
    assert made == []


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil", "assets/a.txt", "evil.py"])
def test_other_members_are_refused(whole, tmp_path, name):
    path = changed(whole, tmp_path / "a.keras")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "x")
    with pytest.raises(KsegError, match="which is no part of a model"):
        open_model(path, "save it again")


@pytest.mark.parametrize("name", ["config__json", "model__weights__h5", "metadata__json"])
def test_a_bomb_is_refused_before_it_is_unpacked(whole, tmp_path, name):
    path = changed(whole, tmp_path / "a.keras", zipfile.ZIP_DEFLATED, **{name: b" " * 10**8})
    with pytest.raises(KsegError, match="100,000,000 bytes"):
        open_model(path, "save it again")


def numbers_of(whole, change):
    """Return the file of a model's numbers, changed."""
    with zipfile.ZipFile(whole) as file:
        content = io.BytesIO(file.read("model.weights.h5"))
    with h5py.File(content, "a") as file:
        change(file)
    return content.getvalue()


def external_link(file):
    file["layers/more"] = h5py.ExternalLink("/etc/other.h5", "/")


def soft_link(file):
    file["layers/more"] = h5py.SoftLink("/layers")


def external_numbers(file):
    file.create_dataset("layers/more", (8,), "uint8", external=[("/etc/hostname", 0, 8)])


def virtual_numbers(file):
    layout = h5py.VirtualLayout((8,), "uint8")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "a", (8,))
    file.create_virtual_dataset("layers/more", layout)


def unwritten_numbers(file):
    file.create_dataset("layers/more", (10**9,), chunks=(10**6,), compression="gzip")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (external_link, "holds a link in model.weights.h5"),
        (soft_link, "holds a link in model.weights.h5"),
        (external_numbers, "takes numbers of model.weights.h5 from another file"),
        (virtual_numbers, "takes numbers of model.weights.h5 from another file"),
        (unwritten_numbers, r"tells of 1,000,0\d\d,\d\d\d numbers and holds"),
    ],
)
def test_numbers_that_lie_elsewhere_or_nowhere_are_refused(whole, tmp_path, change, expected):
    members = {"model__weights__h5": numbers_of(whole, change)}
    path = changed(whole, tmp_path / "a.keras", **members)
    with pytest.raises(KsegError, match=f"{expected}.*it is refused"):
        open_model(path, "save it again")


def hdf5():
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["a"] = np.ones(3)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"no model", hdf5()],
    ids=["empty", "cut", "text", "HDF5"],
)
def test_what_is_no_archive_is_called_damaged(tmp_path, content):
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    with pytest.raises(KsegError, match="is not a whole Keras model"):
        open_model(path, "save it again")


@pytest.mark.parametrize(
    "members",
    [
        {"config__json": None},
        {"model__weights__h5": None},
        {"model__weights__h5": b"x" * 100_000},
        {"config__json": b"{"},
        {"config__json": b"[" * 100_000},
        {"config__json": b"3"},
    ],
)
def test_an_archive_of_something_else_is_called_damaged(whole, tmp_path, members):
    path = changed(whole, tmp_path / "a.keras", **members)
    with pytest.raises(KsegError, match="is not a whole Keras model"):
        open_model(path, "save it again")


def test_a_flipped_bit_is_found_or_changes_nothing(whole, tmp_path):
    expected = keras.models.load_model(whole).get_weights()
    content, rng = whole.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, 8 * len(content), 40):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path = tmp_path / "a.keras"
        path.write_bytes(flipped)
        try:
            found = open_model(path, "save it again").get_weights()
        except KsegError:
            refused += 1
            continue
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, two)
    assert refused > 20
