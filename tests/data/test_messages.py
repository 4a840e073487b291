"""What kseg.data says to the user names arguments; only the command line knows of options."""

import ast
import re
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "kseg" / "data"


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.py")), ids=lambda path: path.stem)
def test_no_text_names_an_option_or_a_command_to_train(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.search(r"--[a-z]|kseg (train|evaluate|predict)\b", node.value), node.value
