"""Imports run one way, and the command line starts without Keras."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "kseg"

# From the top floor to the ground. Names in one set are blind to each other.
FLOORS = [
    {"__main__"},
    {"cli"},
    {"demo"},
    {"workflows"},
    {"reports"},
    {"training"},
    {"runs"},
    {"callbacks"},
    {"evaluation"},
    {"inference"},
    {"models"},
    {"encoders"},
    {"blocks"},
    {"losses", "metrics", "data", "plots"},
    {"layers", "schedules", "optimizers"},
    {"labels"},
    {"_saved"},
    {"machine"},
    {"_calls", "_settings"},
    {"_extras", "_html", "_palette"},
    {"_checks", "_files", "_text"},
    {"errors"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def imported_parts(path: Path) -> set[str]:
    """The parts of kseg that a file imports, wherever in the file it does so."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "kseg":
            parts |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kseg."):
            parts.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            parts |= {a.name.split(".")[1] for a in node.names if a.name.startswith("kseg.")}
    return parts


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_every_part_has_a_floor():
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_lead_downwards(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for part in imported_parts(path) - {own}:
        assert FLOOR[part] > FLOOR[own], f"{path.name} imports {part} from a floor not below"


def modules_imported(path: Path, known: set[str]) -> set[str]:
    """The modules of kseg that a file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & known


def test_no_module_leads_back_to_itself():
    """Also through imports inside of functions: a hidden circle is one."""
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES
    }
    leads = {name: modules_imported(path, set(names)) for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(leads[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in names:
        visit(name, ())


COMMANDS = sorted((PACKAGE / "cli").rglob("*.py"))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_commands_neither_train_nor_open_data(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):  # what serves annotations alone is no import
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    imports = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in imports if name.startswith(("kseg.training", "kseg.data.sources"))]


def test_verbs_are_found_before_keras_is_started():
    """So that each can start it quietly."""
    script = "import sys, kseg; [getattr(kseg, n) for n in VERBS]; print(*sys.modules)"
    script = f"VERBS = ['train', 'open_run', 'evaluate', 'predict', 'prune', 'resume']; {script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "kseg.workflows.prune" in done.stdout.split()
    assert not {"keras", "tensorflow", "jax", "torch"} & set(done.stdout.split())


def test_sections_of_a_recipe_need_neither_keras_nor_numpy():
    script = "import sys, kseg.runs.recipe; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not {"keras", "numpy", "tensorflow", "jax", "torch"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import kseg"],
        ["-m", "kseg", "--help"],
        ["-m", "kseg", "train", "--help"],
        ["-m", "kseg", "train", "--colour"],
        ["-m", "kseg", "train", "--arch", "unett"],
        ["-m", "kseg", "predict", "--help"],
        ["-m", "kseg", "data", "check", "--help"],
        ["-m", "kseg", "recipe", "show", "--help"],
    ],
)
def test_light_commands_import_neither_keras_nor_a_backend(arguments):
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True
    )
    imported = {line.split("|")[-1].strip() for line in result.stderr.splitlines() if "|" in line}
    assert "kseg" in imported
    assert not imported & {"keras", "tensorflow", "jax", "torch", "numpy", "matplotlib", "rich"}


def test_with_jax_tensorflow_is_never_imported(tmp_path):
    """Train, evaluate and predict on JAX; an attempt to import TensorFlow fails and is noted."""
    pytest.importorskip("jax")
    script = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
del os.environ["JAX_COMPILATION_CACHE_DIR"]  # JAX looks for TensorFlow to write there
tried = []
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets", "keras_cv"):
            tried.append(name)
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Refuse())
from kseg.cli.group import kseg
kseg(sys.argv[1:], standalone_mode=False)
assert not tried, tried
assert "tensorflow" not in sys.modules
"""
    train = "train --arch convnet --epochs 1 --width 2 --size 16 --batch-size 64 --name r"
    others = "evaluate r --split val", "predict saved_models/r/sample.png"
    for command in (train, *others):  # each in a process that has imported nothing yet
        result = subprocess.run(
            [sys.executable, "-c", script, *command.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr + result.stdout
    assert (tmp_path / "predictions/saved_models/r/sample_mask.png").exists()
