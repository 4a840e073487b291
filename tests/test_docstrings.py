"""What docstrings say is true: their examples run, and they name the arguments there are."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kseg
from tests.conftest import write_data

PACKAGE = Path(kseg.__file__).parent
PARTS = sorted(str(path.parent.relative_to(PACKAGE)) for path in PACKAGE.glob("*/__init__.pyi"))
OTHERS = [
    "kseg.labels.read_labels",
    "kseg.workflows.data.check_data",
    "kseg.workflows.data.count_data",
    "kseg.workflows.data.import_data",
    "kseg.workflows.data.show_data",
    "kseg.workflows.models.describe_model",
    "kseg.workflows.models.measure_models",
]
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example", "References")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def docstrings_of(path):
    """Name and docstring of all that a file defines, found without importing it."""
    places = [(path.relative_to(PACKAGE.parent).as_posix(), ast.parse(path.read_text()))]
    for place, node in places:  # grows by what is found
        yield place, ast.get_docstring(node) or ""
        places += [
            (f"{place}:{child.name}", child)
            for child in node.body
            if isinstance(child, ast.ClassDef | ast.FunctionDef)
        ]


EXAMPLES = {
    place: text
    for path in sorted(PACKAGE.rglob("*.py"))
    for place, text in docstrings_of(path)
    if ">>>" in text
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to work in, with `my_data` and a photo."""
    root = tmp_path_factory.mktemp("examples")
    write_data(root / "my_data")
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(root / "photo.jpg")
    return root


@pytest.fixture(scope="module")
def with_run(place):
    """The same folder with the run `unetpp-my_data`, of two heads."""
    network = {"arch": "unetpp", "filters": (4, 4, 4), "block": "convolution"}
    with contextlib.chdir(place):
        kseg.train(data="my_data", **network, optimizer="sgd", size=32, batch_size=3, epochs=1)
    return place


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(request, name, capfd):
    """Each example stands for itself: it is given four names, as a reader would import them."""
    import keras

    folder = request.getfixturevalue("with_run" if "unetpp-my_data" in EXAMPLES[name] else "place")
    capfd.readouterr()
    given = {"kseg": kseg, "keras": keras, "np": np, "Path": Path}
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name], given, name, None, 0)
    said = io.StringIO()
    with contextlib.chdir(folder):
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.write)
    assert not said.getvalue(), said.getvalue()
    assert capfd.readouterr().out == ""


def test_no_example_is_skipped():
    for name, text in EXAMPLES.items():
        assert "doctest:" not in text, name


def public_names():
    """The dotted names of all that is public."""
    names = [f"kseg.{name}" for name in kseg.__all__]
    for part in PARTS:
        module = importlib.import_module(f"kseg.{part.replace('/', '.')}")
        names += [f"{module.__name__}.{name}" for name in module.__all__]
    return names


def found(name):
    module, _, own = name.rpartition(".")
    return getattr(importlib.import_module(module), own)


def is_documented(thing):
    return inspect.isfunction(thing) or inspect.isclass(thing)


def sections_of(thing):
    """The sections of a docstring by their titles, in order."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):\n", inspect.getdoc(thing), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def arguments_of(thing):
    """The arguments of a function, or those of a class that is made by kseg's own `__init__`."""
    if hasattr(thing, "_fields"):
        return list(thing._fields)
    origin = getattr(thing.__init__, "__module__", "builtins")
    if inspect.isclass(thing) and origin in ("builtins", "typing"):
        return []
    return list(inspect.signature(thing).parameters)


@pytest.mark.parametrize("name", [*public_names(), *OTHERS])
def test_docstrings_name_the_arguments(name):
    """All of them, in order; what holds values may list them as attributes."""
    thing = found(name)
    if not is_documented(thing):
        return
    sections = sections_of(thing)
    listed = sections.get("Args", "") or sections.get("Attributes", "")
    assert re.findall(r"^    \**(\w+): ", listed, re.MULTILINE) == arguments_of(thing)
    assert not re.search(r"see there|: as (in|for) `|arguments are those", listed, re.IGNORECASE)
    assert list(sections) == sorted(sections, key=SECTIONS.index)


def test_many_docstrings_have_an_example():
    things = {id(thing): thing for thing in map(found, public_names()) if is_documented(thing)}
    shown = [thing for thing in things.values() if "Example" in sections_of(thing)]
    assert all(">>>" in sections_of(thing)["Example"] for thing in shown)
    assert len(shown) >= len(things) / 2
