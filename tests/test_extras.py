"""Optional packages: what they tell others is left out, and where they are missing is said."""

import importlib.util
import subprocess
import sys

import pytest

from kseg import _extras
from kseg.errors import KsegError


def test_what_is_missing_is_told_with_the_line_that_installs_it():
    with pytest.raises(KsegError, match="reading needs nothing-here, .*pip install nothing-here"):
        _extras.require("nothing_here", "nothing-here", "reading")


@pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None or importlib.util.find_spec("nncf") is None,
    reason="openvino or nncf is not installed",
)
def test_nobody_is_told_of_networks_that_are_converted(tmp_path):
    """OpenVINO's telemetry gives whoever converts a number, in their home, and sends it along."""
    code = """
import sys
from kseg import _extras
_extras.require("openvino", "openvino", "converting")
_extras.require("nncf", "nncf", "converting")
print([name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=home, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "intel").exists()
