"""Every command that a page shows is run where there is what it speaks of, trainings made short."""

import json
import re
import shlex
import shutil
from pathlib import Path

import click
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kseg
from kseg.cli.group import kseg as command
from kseg.errors import Interrupted
from kseg.inference.engines.converted import there
from tests.workflows.test_resume import Breaking

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LESS = {"--minutes": "0.02", "--epochs": "2", "--folds": "2", "--fold": "1"}
LESS |= {"--above": "0", "--frozen-epochs": "1"}
"""What these options are here, in place of what they are there."""
MORE = {"--data": "my_data", "--arch": "unet", "--filters": "2,4", "--batch-size": "4"}
MORE |= {"--epochs": "2"}
"""What is given where it is not given there, nor something that it would contradict."""
AGAINST = {
    "--arch": {"--encoder", "--recipe", "--warm-start"},
    "--filters": {"--width", "--encoder", "--recipe", "--warm-start"},
    "--epochs": {"--minutes"},
}


def commands_of(page):
    """The command lines of a page, those of several lines as one."""
    text = "\n".join(re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(shlex.split(line, comments=True)) for line in lines if line.startswith("kseg ")]


COMMANDS = sorted({words for page in PAGES for words in commands_of(page)})
DOWNLOADING = [words for words in COMMANDS if "--download" in words or "import" in words]
TRAINING = [words for words in COMMANDS if words[1] == "train" and words not in DOWNLOADING]
OTHERS = [words for words in COMMANDS if words[1] != "train" and words not in DOWNLOADING]


def photo(rng, channels=3):
    return Image.fromarray(rng.integers(0, 256, (40, 48, channels), np.uint8))


def write_data(root, classes, channels=3):
    """Photos of four videos, and masks of stripes."""
    rng = np.random.default_rng(0)
    mask = np.arange(40 * 48).reshape(40, 48) // 400 % len(classes)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for index in range(8):
        name = f"video{index // 2}_{index}.png"
        photo(rng, channels).save(root / "images" / name)
        Image.fromarray(np.roll(mask, 40 * index).astype(np.uint8)).save(root / "masks" / name)
    (root / "classes.json").write_text(json.dumps({"classes": classes}))


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """The working folder that the pages speak of."""
    root = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(1)
    write_data(root / "my_data", ["ground", "leaf", "pet"])
    write_data(root / "bands/my_data", ["ground", "leaf"], channels=4)
    photo(rng).save(root / "photo.jpg")
    photo(rng).save(root / "scan.tif")
    for folder in ("photos", "unlabelled"):
        (root / folder).mkdir()
        for index in range(4):
            photo(rng).save(root / folder / f"{index}.png")
    (root / "recipe.yaml").write_text("model: {arch: unet, filters: [2, 4]}")
    words = {"data": root / "my_data", "runs": root / "saved_models", "val_fraction": 0.5}
    words |= {"size": 32, "batch_size": 4, "epochs": 1, "schedule": "constant"}
    tiny = words | {"arch": "unet", "filters": (2, 4), "block": "double_convolution(dropout=0.1)"}
    first = kseg.train(name="unet-my_data", **tiny)
    for name in ("unet-my_data-2", "first", "second", "longer", "dice"):
        shutil.copytree(first.path, first.path.with_name(name))
    for name in ("folds", "thrice"):
        kseg.cross_validate(folds=2, name=name, **tiny)
    encoder = {"arch": "encoder_unet", "encoder": "resnet18", "width": 8}
    streets = kseg.train(name="streets", **words, **encoder)
    shutil.copy(streets.model_file, root / "encoder.keras")
    with pytest.raises(Interrupted):
        kseg.train(name="broken", progress=Breaking(2), **tiny | {"epochs": 2})
    return root


@pytest.mark.parametrize("words", OTHERS, ids=" ".join)
def test_commands_run(furnished, monkeypatch, words):
    needed = {"onnx": "onnxruntime"}.get(words[-1], words[-1])
    if needed.startswith(("openvino", "onnxruntime")) and needed not in there():
        pytest.skip(f"{needed} is not installed")
    monkeypatch.chdir(furnished)
    result = CliRunner().invoke(command, words[1:])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("words", TRAINING, ids=" ".join)
def test_trainings_run(furnished, monkeypatch, words):
    monkeypatch.chdir(furnished / "bands" if "--channels" in words else furnished)
    keras.utils.clear_session()
    if "NAME" in words:  # a training that was broken off, for each command another one
        shutil.rmtree("saved_models/NAME", ignore_errors=True)
        shutil.copytree("saved_models/broken", "saved_models/NAME")
    given = [LESS.get(before, word) for before, word in zip(words, words[1:], strict=False)]
    if "--resume" not in words:
        for option in MORE.keys() - set(words):
            if AGAINST.get(option, set()).isdisjoint(words):
                given += [option, MORE[option]]
        given += ["--overwrite"] * ("--name" in words)
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("words", DOWNLOADING, ids=" ".join)
def test_what_downloads_is_understood(words):
    """Every option and value is one that the command takes."""
    group, context = command, None
    while isinstance(group, click.Group):
        name, group, rest = group.resolve_command(context or click.Context(group), [*words[1:]])
        words = [name, *rest]
    group.make_context(words[0], words[1:])
