"""Losses by name and sums as text."""

import subprocess
import sys

import pytest

from kseg import losses
from kseg._calls import Call
from kseg.losses import LOSSES, CompoundLoss, CrossEntropy, Dice, LovaszSoftmax, make_loss
from kseg.losses.catalog import parse


def test_every_loss_of_the_package_has_a_name():
    made = {type(make_loss(name)).__name__ for name in LOSSES}
    public = set(losses.__all__) - {"SegmentationLoss", "CompoundLoss", "LOSSES", "make_loss"}
    assert made == public
    assert list(LOSSES) == sorted(LOSSES)


def test_sums_are_read():
    assert parse("ce") == ((Call("ce"), 1.0),)
    terms = parse("ce + 0.5*dice(smooth=1)")
    assert terms == ((Call("ce"), 1.0), (Call("dice", {"smooth": 1}), 0.5))
    loss = make_loss("ce+0.5*lovasz+2*dice", 7, [1, 2])
    assert isinstance(loss, CompoundLoss)
    assert [type(part) for part in loss.losses] == [CrossEntropy, LovaszSoftmax, Dice]
    assert loss.weights == (1.0, 0.5, 2.0)
    assert {(part.ignore_class, part.class_weights) for part in loss.losses} == {(7, (1.0, 2.0))}
    assert isinstance(make_loss("ce"), CrossEntropy)


def test_options_reach_the_losses():
    loss = make_loss("focal(gamma=3) + 0.5*tversky(alpha=1/4, over=image, classes=(1, 2))", 7)
    focal, tversky = loss.losses
    assert focal.gamma == 3
    assert (tversky.alpha, tversky.over, tversky.classes) == (0.25, "image", (1, 2))
    assert {part.ignore_class for part in loss.losses} == {7}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("focal(gama=3)", "Did you mean 'gamma'"),
        ("ce(from_logits=true)", "Unknown option of the loss ce 'from_logits'"),
        ("dice(ignore_class=1)", "Unknown option of the loss dice 'ignore_class'"),
        ("focal(gamma=-1)", "gamma"),
    ],
)
def test_options_that_do_not_fit_are_explained(text, expected):
    with pytest.raises(ValueError, match=expected.replace("?", r"\\?")):
        make_loss(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cee", "Unknown loss 'cee'. Did you mean 'ce'"),
        ("ce+lovas", "Did you mean 'lovasz"),
        ("", "A loss is a name"),
        ("ce+", "A loss is a name"),
        ("x*ce", "number above 0"),
        ("-1*ce", "number above 0"),
        ("0*ce", "number above 0"),
        ("nan*ce", "number above 0"),
        ("ce-dice", "A loss is a name"),
    ],
)
def test_what_is_no_loss_is_explained(text, expected):
    with pytest.raises(ValueError, match=expected.replace("?", r"\?")):
        parse(text)


def test_reading_a_sum_imports_no_keras():
    script = (
        "import sys; from kseg.losses.catalog import parse; parse('ce+dice'); "
        "assert not {'keras', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
