"""The errors that kseg raises on purpose."""

from pathlib import Path


class KsegError(ValueError):
    """What the user can mend: the message says what was expected, what was received, and how.

    It names arguments (`size=`); the command line turns them into its options. Any other exception
    that leaves kseg, but for those of the disk (`OSError`), is a fault of kseg.
    """


class ArgumentError(KsegError):
    """An argument is wrong, whatever the data and the machine are."""


class Interrupted(KeyboardInterrupt):
    """A training was broken off, by Ctrl-C or by the system's request to end.

    Attributes:
        path: The run's folder, from which `kseg.resume` goes on; it is not there where no step was
            taken yet.
        epochs: Whole epochs that were trained.
        planned: Epochs that were to be trained; `None` where the clock was to decide.
    """

    def __init__(self, path: Path, epochs: int, planned: int | None) -> None:
        super().__init__(path, epochs, planned)
        self.path = path
        self.epochs = epochs
        self.planned = planned

    def __str__(self) -> str:
        return f"interrupted after {self.reached}; see {self.path}"

    @property
    def reached(self) -> str:
        """How many epochs of how many were trained, in words."""
        of = "" if self.planned is None else f" of {self.planned}"
        return f"{self.epochs}{of} epochs"


class Notice(UserWarning):
    """Something that a user should hear of while a command works: the command line prints it."""
