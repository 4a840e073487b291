"""Choices with options as text."""

from functools import partial

import pytest

from kseg import _calls
from kseg._calls import Call
from kseg.blocks.convolutions import residual
from kseg.errors import KsegError

TABLE = {"ce": "", "dice": "", "residual": "kseg.blocks.convolutions:residual"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ce", Call("ce")),
        (" dice() ", Call("dice")),
        ("dice(smooth=1e-3)", Call("dice", {"smooth": 0.001})),
        ("dice(power=4/3, low=-2)", Call("dice", {"power": 4 / 3, "low": -2})),
        ("dice(over=image, sure=true, rest=None)",
         Call("dice", {"over": "image", "sure": True, "rest": None})),
        ("dice(classes=(1, 2), name='a b')", Call("dice", {"classes": (1, 2), "name": "a b"})),
    ],
)  # fmt: skip
def test_a_name_with_options_is_read(text, expected):
    assert _calls.read(text, TABLE, "loss") == expected


def test_a_sum_has_weights():
    found = _calls.read_sum("ce + 0.5*dice(over=image)+2 * ce", TABLE, "loss")
    assert found == ((Call("ce"), 1.0), (Call("dice", {"over": "image"}), 0.5), (Call("ce"), 2.0))


@pytest.mark.parametrize(
    "text",
    ["", "ce+", "ce(1)", "ce(**a)", "os.system", "ce(x=open('f'))", "[ce]", "(" * 5000, "ce ce",
     "ce(x=lambda: 1)", "ce(x=1/0)", "\x00"],
)  # fmt: skip
def test_anything_else_is_refused_and_never_run(text):
    with pytest.raises(KsegError, match="A loss is a name"):
        _calls.read(text, TABLE, "loss")


@pytest.mark.parametrize("text", ["0*ce", "-1*ce", "x*ce", "ce*2", "1e999*ce"])
def test_weights_are_numbers_above_0(text):
    with pytest.raises(KsegError, match=r"weight of a loss|A loss is a name"):
        _calls.read_sum(text, TABLE, "loss")


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'dice'"):
        _calls.read("dyce", TABLE, "loss")


def test_a_function_is_imported_and_its_options_bound():
    assert _calls.function(Call("residual"), TABLE, "block") is residual
    bound = _calls.function(Call("residual", {"dropout": 0.1}), TABLE, "block")
    assert isinstance(bound, partial)
    assert (bound.func, bound.keywords) == (residual, {"dropout": 0.1})


def test_an_unknown_option_gets_the_nearest():
    with pytest.raises(KsegError, match="Did you mean 'dropout'"):
        _calls.function(Call("residual", {"dropuot": 0.1}), TABLE, "block")
