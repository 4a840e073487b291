"""The public names: a sorted list, each one there and documented."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import kseg
from kseg.models.architectures import ARCHITECTURES

PACKAGE = Path(kseg.__file__).parent
PUBLIC = [
    "ArgumentError",
    "CrossValidation",
    "Evaluation",
    "Export",
    "Interrupted",
    "KsegError",
    "Labels",
    "Prediction",
    "Pruning",
    "Recipe",
    "Run",
    "attention_maps",
    "blocks",
    "callbacks",
    "cross_validate",
    "data",
    "draw_schedule",
    "encoders",
    "evaluate",
    "evaluation",
    "export",
    "find_learning_rate",
    "inference",
    "losses",
    "make_recipe",
    "measure",
    "metrics",
    "models",
    "open_run",
    "optimizers",
    "plots",
    "predict",
    "prune",
    "read_recipe",
    "report",
    "resume",
    "schedules",
    "supervise",
    "train",
]
BUILDERS = sorted({entry.builder.split(":")[1] for entry in ARCHITECTURES.values()})
LAZY = [
    "blocks",
    "callbacks",
    "data",
    "encoders",
    "evaluation",
    "inference",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "runs",
    "schedules",
]


def test_the_list_is_complete_and_sorted():
    assert sorted(PUBLIC) == PUBLIC
    assert list(kseg.__all__) == sorted([*PUBLIC, *BUILDERS])


@pytest.mark.parametrize("name", kseg.__all__)
def test_every_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(kseg, name))


@pytest.mark.parametrize("part", LAZY)
def test_every_name_of_a_part_is_there_and_documented(part):
    module = importlib.import_module(f"kseg.{part}")
    assert module.__all__
    for name in module.__all__:
        assert inspect.getdoc(getattr(module, name)), name


@pytest.mark.parametrize("stub", sorted(PACKAGE.rglob("*.pyi")), ids=str)
def test_stubs_export_names_as_themselves(stub):
    for node in ast.parse(stub.read_text()).body:
        assert isinstance(node, ast.ImportFrom)
        assert all(alias.name == alias.asname for alias in node.names)


def test_no_print_and_no_assert_in_the_package():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Assert), path
            called = getattr(node, "func", None)
            assert not (isinstance(called, ast.Name) and called.id == "print"), path
