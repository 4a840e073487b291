"""What was found wrong with a training."""

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from kseg import _files


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a training.

    Attributes:
        sign: What it was recognised by, such as "collapsed": one of `signs.SIGNS`, "masks",
            "logits", or "not finite".
        epoch: The epoch in which it was seen, from 1.
        cause: What is wrong, in words.
        mend: What to do about it.
    """

    sign: str
    epoch: int
    cause: str
    mend: str

    def __str__(self) -> str:
        return f"Epoch {self.epoch}: {self.cause} {self.mend}"


def warn(finding: Finding) -> None:
    """Tell of a finding as Python tells of what is wrong and goes on."""
    warnings.warn(str(finding), stacklevel=2)


class Findings:
    """What was found so far, on the disk too, and told to whom it concerns.

    Args:
        path: A JSON file, written anew with each finding; `None` for none.
        tell: Called with each finding; by default it is warned of.

    Example:
        >>> found = kseg.callbacks.Findings(Path("findings.json"), tell=print)
        >>> found.add(kseg.callbacks.Finding("starved", 2, "the network waits.", "Feed it."))
        Epoch 2: the network waits. Feed it.
        >>> len(kseg.callbacks.Findings(Path("findings.json")).all)  # a training that goes on
        1
    """

    def __init__(
        self, path: str | Path | None = None, tell: Callable[[Finding], None] = warn
    ) -> None:
        self._path = Path(path) if path is not None else None
        self._tell = tell
        self.all: list[Finding] = []
        if self._path is not None and self._path.exists():
            listed = json.loads(self._path.read_text(encoding="utf-8"))
            self.all = [Finding(**content) for content in listed]

    def add(self, finding: Finding) -> None:
        """Keep a finding and tell of it, if it is new."""
        if finding not in self.all:
            self.keep(finding)
            self._tell(finding)

    def keep(self, finding: Finding) -> None:
        """Keep a finding that is told in another way."""
        self.all.append(finding)
        if self._path is not None:
            _files.write_json(self._path, [asdict(one) for one in self.all])
