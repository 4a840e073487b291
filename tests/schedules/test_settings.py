"""The recipe's section on the learning rate."""

import pytest

from kseg._settings import validated
from kseg.errors import KsegError
from kseg.schedules import Schedule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cosinus", "Did you mean 'cosine'"),
        ("step(", "options in parentheses"),
    ],
)
def test_what_is_no_schedule_is_refused(text, said):
    with pytest.raises(KsegError, match=said):
        validated(Schedule, text)


def test_an_option_as_a_field_is_led_into_the_parentheses():
    with pytest.raises(KsegError, match=r"schedule.name=polynomial\(power=2\)"):
        validated(Schedule, {"name": "polynomial", "power": 2})
