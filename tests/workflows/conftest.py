"""A small run that the tests of workflows share."""

import pytest

import kseg
from tests.conftest import write_data

TINY = {"arch": "convnet", "width": 2, "size": 32, "batch_size": 3, "epochs": 1}


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """A folder with data and a run, trained by one call."""
    root = tmp_path_factory.mktemp("workflows")
    write_data(root / "data")
    kseg.train(data=root / "data", name="small", runs=root / "runs", **TINY)
    return root


@pytest.fixture
def run(workplace):
    return kseg.open_run("small", workplace / "runs")
