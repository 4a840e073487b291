"""What Ctrl-C and the system's request to end do to a training: it ends after its step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kseg import machine
from kseg.callbacks import ResumePoint


@contextmanager
def stopping(point: ResumePoint) -> Iterator[None]:
    """End a training by a signal: after the step it is in; a second signal ends it at once.

    A signal that is ignored, as by `nohup`, stays ignored. Only Python's main thread is told of
    signals; in any other this changes nothing.

    Args:
        point: What keeps the state of the training.

    Raises:
        KeyboardInterrupt: It was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        for known in before:
            signal.signal(known, _end_at_once)
        if point.is_stepping:
            point.stop()
        else:
            raise KeyboardInterrupt

    before = {known: signal.signal(known, ask) for known in machine.ending_signals()}
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
