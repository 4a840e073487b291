"""What the README says is run: its scripts and its commands; and the examples."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient
from PIL import Image

from kseg.cli.group import kseg

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


def run(arguments, folder):
    result = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result


def test_every_block_of_the_readme_is_of_a_kind_that_is_run():
    assert [kind for kind, _ in BLOCKS] == ["sh", "sh", "python", "python", "python", "json"]
    assert BLOCKS[0][1] in (ROOT / "README.md").read_text().split("<!-- setup -->")[1]


def scripts_of(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)


@pytest.fixture
def place(rectangles, tmp_path, monkeypatch):
    """The working folder that the pages speak of."""
    rectangles.rename(tmp_path / "my_data")
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", scripts_of(ROOT / "README.md"))
def test_scripts_of_the_readme_run(place, script):
    """Each in a process of its own, and quietly."""
    (place / "script.py").write_text(script.replace("minutes=10", "minutes=0.02, width=4"))
    assert "cuInit" not in run(["script.py"], place).stderr


@pytest.mark.parametrize("script", [text for page in PAGES[1:] for text in scripts_of(page)])
def test_scripts_of_the_pages_run(place, script):
    (place / "script.py").write_text(script.replace("minutes=10", "minutes=0.02, width=4"))
    runpy.run_path("script.py")


def test_commands_of_the_readme_run(place, monkeypatch):
    monkeypatch.setenv("KSEG_TRAIN_WIDTH", "4")
    commands = [line.split()[1:] for line in BLOCKS[1][1].splitlines()]
    assert [command[0] for command in commands] == ["train", "evaluate", "predict"]
    for command in commands:
        command = ["0.02" if word == "10" else word for word in command]
        result = CliRunner().invoke(kseg, command, auto_envvar_prefix="KSEG")
        assert result.exit_code == 0, result.output
    assert (place / "predictions/photo_mask.png").exists()


def test_the_class_file_of_the_readme_is_valid(tmp_path):
    from kseg.labels import read_labels

    (tmp_path / "classes.json").write_text(BLOCKS[5][1])
    assert read_labels(tmp_path / "classes.json").names == ("background", "road", "car")


def test_what_an_option_needs_is_installed_by_the_first_line():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "tensorboard" in project["dependencies"]


def test_every_command_stands_in_the_readme():
    for name in kseg.commands:
        assert f"`kseg {name}" in README


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page):
    assert not re.findall(r"^@[A-Z]+@$", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_example_on_shapes(tmp_path):
    run([ROOT / "examples/01_unet_on_shapes.py", "--smoke"], tmp_path)
    assert Image.open(tmp_path / "shapes_prediction.png").size == (128, 128)
    assert (tmp_path / "shapes_unet.keras").exists()


def test_example_on_an_own_folder(rectangles, tmp_path):
    output = run([ROOT / "examples/02_own_folder.py", rectangles, "--smoke"], tmp_path).stdout
    assert re.search(r"mean IoU 0\.\d{3}", output)


def test_example_on_pruning(tmp_path):
    output = run([ROOT / "examples/03_prune_unetpp.py", "--smoke"], tmp_path).stdout
    assert re.search(r"level 4: mean IoU 0\.\d{3}, [\d,]+ parameters", output)
    assert (tmp_path / "unetpp_level2.keras").exists()


def test_example_on_losses(tmp_path):
    run([ROOT / "examples/04_loss_curves.py", "--smoke"], tmp_path)
    assert Image.open(tmp_path / "loss_curves.png").size == (1320, 880)


def test_example_in_a_notebook(tmp_path, monkeypatch):
    """Executed by a kernel, as Jupyter does."""
    monkeypatch.setenv("KSEG_SMOKE", "1")
    notebook = nbformat.read(ROOT / "examples/05_in_a_notebook.ipynb", as_version=4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    printed = [
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream"
    ]
    assert any(re.search(r"val mean IoU 0\.\d{3}, best epoch 1 of 1", text) for text in printed)
    assert any("border F1" in text for text in printed)
    pictures = [o for c in notebook.cells for o in c.get("outputs", ()) if "data" in o]
    assert any("image/png" in output.data for output in pictures)
    assert (tmp_path / "saved_models/notebook-residual/model.keras").exists()


def test_example_on_callbacks_in_your_own_fit(tmp_path):
    """Started again, it goes on where it ended."""
    script = [ROOT / "examples/07_callbacks_in_your_own_fit.py", "--smoke"]
    assert re.search(r"best epoch \d, IoU of the discs 0\.\d{3}", run(script, tmp_path).stdout)
    assert keras.models.load_model(tmp_path / "best.keras").output_shape[-1] == 1
    assert "going on after epoch 2" in run(script, tmp_path).stdout


def test_example_on_an_encoder(rectangles, tmp_path):
    """On a folder: the built-in shapes have a hundred times as many images."""
    words = [ROOT / "examples/06_pretrain_an_encoder.py", rectangles, "--smoke"]
    output = run(words, tmp_path).stdout
    assert re.search(r"64 crops, \[\d+ +\d+\] per class", output)
    assert re.search(r"mean IoU 0\.\d{3}, saved_models", output)
    assert (tmp_path / "encoder.keras").exists()


def test_every_example_has_a_test():
    names = {path.name for path in (ROOT / "examples").iterdir() if path.suffix != ".pyc"}
    assert names - {"__pycache__"} == {
        "01_unet_on_shapes.py",
        "02_own_folder.py",
        "03_prune_unetpp.py",
        "04_loss_curves.py",
        "05_in_a_notebook.ipynb",
        "06_pretrain_an_encoder.py",
        "07_callbacks_in_your_own_fit.py",
        "consumers",  # tests/workflows/test_export.py
        "recipes",
    }
