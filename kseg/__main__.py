"""`python -m kseg`."""

import gc
import sys
from typing import Any

from kseg.cli.group import kseg


def main() -> None:
    """Run the command line."""
    gc.callbacks.append(_put_aside)
    kseg(prog_name="kseg")


def _put_aside(*_: Any) -> None:
    """Have Python look for garbage no more in what is there once Keras has been imported.

    There are a million objects, all of them in use; looking through them, and once more at the end,
    took a third of the time of predicting one image.
    """
    if "keras" in sys.modules:
        gc.callbacks.remove(_put_aside)
        gc.freeze()


if __name__ == "__main__":
    main()
