"""Signals that end a training, and those that it was told to ignore."""

import signal

import pytest

from kseg.training.stopping import stopping


class Point:
    """Stands for what keeps the state of a training."""

    def __init__(self):
        self.is_stepping, self.is_asked = True, False

    def stop(self):
        self.is_asked = True


@pytest.fixture(autouse=True)
def handlers():
    """What signals did before."""
    before = {known: signal.getsignal(known) for known in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for known, handler in before.items():
        signal.signal(known, handler)


def test_the_step_is_finished_and_a_second_signal_ends_at_once():
    point = Point()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stopping(point):
        signal.raise_signal(signal.SIGTERM)
        assert point.is_asked
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("the second one did nothing")
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    point = Point()
    with stopping(point):
        signal.raise_signal(signal.SIGHUP)
        assert not point.is_asked
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
