"""Data sets of TFDS, prepared by its own writer in its own format."""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from PIL import Image

from kseg.data.sources.source import Source
from kseg.data.sources.tfds import (
    Wanted,
    _check_reach,
    default_folder,
    import_splits,
    is_tfds,
    wanted,
)
from kseg.errors import KsegError
from tests.cli.test_commands import FAST, call

tfds = pytest.importorskip("tensorflow_datasets")


def example(index):
    rng = np.random.default_rng(index)
    image = rng.integers(0, 256, (20 + index, 24, 3), dtype=np.uint8)
    return image, rng.integers(1, 4, (20 + index, 24, 1), dtype=np.uint8)


class KsegPets(tfds.core.GeneratorBasedBuilder):
    """A trimap like that of the pets."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "segmentation_mask": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
            "classes": tfds.features.Tensor(shape=(None, None), dtype=np.int32, encoding="zlib"),
            "named": tfds.features.LabeledImage(
                labels=["pet", "ground", "edge"], shape=(None, None, 1), encoding_format="png"
            ),
            "negative": tfds.features.Tensor(shape=(None, None), dtype=np.int32, encoding="zlib"),
            "file_name": tfds.features.Text(),
            "share": tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="zlib"),
            "nested": {"mask": tfds.features.Image()},
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(0, 6), "test": self._generate_examples(6, 8)}

    def _generate_examples(self, first, last):
        for index in range(first, last):
            image, mask = example(index)
            classes = mask[..., 0].astype(np.int32) - 1
            yield (
                index,
                {
                    "image": image,
                    "segmentation_mask": mask,
                    "classes": classes,
                    "named": mask - 1,
                    "negative": classes - 1,
                    "file_name": f"{index}.png",
                    "share": (classes / 2).astype(np.float32),
                    "nested": {"mask": image},
                },
            )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    tfds.builder("kseg_pets", data_dir=folder).download_and_prepare()
    return folder


PETS = wanted("oxford_iiit_pet").labels


def named(labels=PETS, **options):
    return Wanted("kseg_pets", labels=labels, **options)


@pytest.mark.parametrize(
    ("variant", "classes", "meaning"),
    [
        ("oxford_iiit_pet", ("pet", "background", "border"), {1: 0, 2: 1, 3: 2}),
        ("oxford_iiit_pet:border-is-pet", ("background", "pet"), {1: 1, 2: 0, 3: 1}),
        ("oxford_iiit_pet:border-is-void", ("background", "pet"), {1: 1, 2: 0, 3: 255}),
    ],
)
def test_the_trimap_means_what_its_name_says(prepared, tmp_path, variant, classes, meaning):
    out = tmp_path / "pets"
    labels = wanted(variant).labels
    assert import_splits(named(labels), out, data_dir=prepared) == {"train": 6, "test": 2}
    splits = Source(str(out), val_fraction=0.3).open()
    assert splits.labels.names == classes
    samples = {
        sample.image.shape[0]: sample
        for part in (splits.train, splits.val)
        for sample in (part[index] for index in range(len(part)))
    }
    assert set(samples) == {20, 21, 22, 23, 24, 25}
    for index in range(6):
        image, mask = example(index)
        sample = samples[20 + index]
        np.testing.assert_array_equal(sample.image, image)
        expected = np.vectorize(meaning.get)(mask[..., 0])
        np.testing.assert_array_equal(sample.mask, expected)


def test_the_language_of_tfds_chooses_splits_and_features_may_be_arrays(prepared, tmp_path):
    splits = {"train": "train[:50%]", "val": "train[50%:]"}
    chosen = named(None, splits=splits, mask_key="classes")
    counts = import_splits(chosen, tmp_path / "out", data_dir=prepared)
    assert counts == {"train": 3, "val": 3, "test": 2}
    mask = np.asarray(Image.open(tmp_path / "out/val/masks/000000.png"))
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image_key": "picture"}, "Unknown feature of kseg_pets 'picture'"),
        ({"splits": {"train": "nowhere"}}, "has no split 'nowhere'"),
        ({"splits": {"training": "train"}}, "Did you mean 'train'"),
        ({"mask_key": "file_name"}, "feature file_name of kseg_pets is Text"),
        ({"mask_key": "share"}, "tensors of whole numbers"),
        ({"mask_key": "nested"}, "expected images"),
        ({"mask_key": "negative"}, "Masks must hold values in 0..65535. Received: -1 to 1"),
    ],
)
def test_what_is_not_there_is_named(prepared, tmp_path, options, expected):
    with pytest.raises(ValueError, match=expected):
        import_splits(named(**options), tmp_path / "out", data_dir=prepared)
    assert list(tmp_path.iterdir()) == []


def test_named_classes_are_kept(prepared, tmp_path):
    import_splits(named(None, mask_key="named"), tmp_path / "out", data_dir=prepared)
    assert Source(str(tmp_path / "out")).open().labels.names == ("pet", "ground", "edge")


def test_nothing_is_downloaded_unasked(tmp_path):
    with pytest.raises(ValueError, match=r"Add download=True .*: 774 MiB from"):
        import_splits(wanted("oxford_iiit_pet"), tmp_path / "out", data_dir=tmp_path / "empty")
    with pytest.raises(ValueError, match="TFDS has no data set no_such_data"):
        import_splits(wanted("tfds:no_such_data"), tmp_path / "out")


def test_names():
    assert is_tfds("tfds:cityscapes")
    assert is_tfds("oxford_iiit_pet:border-is-pet")
    assert not is_tfds("my_data")
    with pytest.raises(ValueError, match="Did you mean 'oxford_iiit_pet'"):
        wanted("oxford_pet")
    with pytest.raises(ValueError, match="has keys of its own"):
        wanted("oxford_iiit_pet", image_key="picture")


def test_kseg_train_writes_files_once_and_learns_them(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(prepared), raising=False)
    arguments = ["train", "--arch", "convnet", "--data", "tfds:kseg_pets", "--epochs", "1"]
    folder = default_folder("tfds:kseg_pets")
    output = call(*arguments, *FAST, "--name", "one", code=1)
    assert f"as files to {folder}" in output
    assert "the masks hold the values 1, 2, 3" in output
    (folder / "classes.json").write_text(json.dumps(PETS.to_dict()))
    output = call(*arguments, *FAST, "--name", "one")
    assert "as files to" not in output
    assert "3 classes from" in output
    assert default_folder("tfds:kseg_pets", "a", "b") != folder
    output = call("data", "import", "tfds:kseg_pets", "out", "--split", "train=train[:2]")
    assert "2 of train, 2 of test to out" in output
    assert "expected train, val or test" in call("data", "import", "x", "y", "--split", "a", code=2)


@pytest.fixture
def server():
    """A server that answers with 404, and a socket that takes calls and never answers."""
    handler = type("Quiet", (BaseHTTPRequestHandler,), {"log_message": lambda *arguments: None})
    answering = HTTPServer(("localhost", 0), handler)
    Thread(target=answering.serve_forever, daemon=True).start()
    with socket.create_server(("localhost", 0)) as silent:
        yield f"http://localhost:{answering.server_port}", silent.getsockname()[1]
    answering.shutdown()
    answering.server_close()


def test_a_download_is_refused_where_no_server_answers(server, monkeypatch):
    monkeypatch.setattr("kseg.data.sources.tfds.PATIENCE", 0.5)
    answering, silent = server
    _check_reach("pets", [f"{answering}/a.tar", f"{answering}/b.tar"])
    for url, expected in (
        (f"http://localhost:{silent}/a.tar", "no answer within 0.5|timed out"),
        ("http://no-such-host.invalid/a.tar", "no-such-host.invalid cannot be reached"),
    ):
        with pytest.raises(KsegError, match=expected):
            _check_reach("pets", [f"{answering}/a.tar", url])
