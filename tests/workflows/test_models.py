"""What `kseg models` calls."""

import pytest

from kseg.errors import ArgumentError
from kseg.workflows.models import describe_model


def test_a_variant_is_measured_and_drawn(tmp_path):
    found = describe_model(
        "unet", tmp_path / "unet.png", classes=8, up="upsample", channels=4, size=(64, 64)
    )
    assert found.measures.parameters == 31_385_288 + 3 * 3 * 64
    assert found.picture.exists()
    assert found.network.input.shape == (None, 64, 64, 4)


@pytest.mark.parametrize(
    ("words", "expected"),
    [({"out": "x.jpg"}, "must end in .png"), ({"block": "residul"}, "Did you mean 'residual'")],
)
def test_what_does_not_fit_is_refused(tmp_path, words, expected):
    with pytest.raises(ArgumentError, match=expected):
        describe_model("unet", **({"out": tmp_path / "x.png"} | words))
