"""Losses by name and sums as text."""

import subprocess
import sys

import pytest

from kseg import losses
from kseg.losses import LOSSES, CompoundLoss, CrossEntropy, Dice, LovaszSoftmax, make_loss
from kseg.losses.catalog import parse


def test_every_loss_of_the_package_has_a_name():
    made = {type(make_loss(name)).__name__ for name in LOSSES}
    public = set(losses.__all__) - {"SegmentationLoss", "CompoundLoss", "LOSSES", "make_loss"}
    assert made == public
    assert list(LOSSES) == sorted(LOSSES)


def test_sums_are_read():
    assert parse("ce") == (("ce", 1.0),)
    assert parse("ce + 0.5*lovasz") == (("ce", 1.0), ("lovasz", 0.5))
    loss = make_loss("ce+0.5*lovasz+2*dice", 7, [1, 2])
    assert isinstance(loss, CompoundLoss)
    assert [type(part) for part in loss.losses] == [CrossEntropy, LovaszSoftmax, Dice]
    assert loss.weights == (1.0, 0.5, 2.0)
    assert {(part.ignore_class, part.class_weights) for part in loss.losses} == {(7, (1.0, 2.0))}
    assert isinstance(make_loss("ce"), CrossEntropy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cee", "Unknown loss 'cee'. Did you mean 'ce'"),
        ("ce+lovas", "Did you mean 'lovasz"),
        ("", "Unknown loss ''"),
        ("ce+", "Unknown loss ''"),
        ("x*ce", "number above 0"),
        ("-1*ce", "number above 0"),
        ("0*ce", "number above 0"),
        ("nan*ce", "number above 0"),
        ("ce-dice", "Unknown loss 'ce-dice'"),
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
