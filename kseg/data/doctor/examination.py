"""What is wrong with a data set, or doubtful, and what to do: most serious first."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kseg.data.doctor.case import Case, Finding
from kseg.data.doctor.checks import CHECKS
from kseg.data.doctor.inspection import inspect
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.data.reading.pairs import find_pairs

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Report:
    """What the doctor found.

    Attributes:
        findings: Most serious first.
        pairs: Number of pairs of each split.
        notes: What was decided: how the files lie, where the classes come from.
        suggestion: What to train with: classes, ignore, size, loss, class weights and crop; empty
            where the classes are unknown.
    """

    findings: tuple[Finding, ...]
    pairs: dict[str, int]
    notes: tuple[str, ...]
    suggestion: dict[str, object]

    @property
    def is_sound(self) -> bool:
        """Whether no error was found."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it."""
        return asdict(self)


def examine(
    data: Path | str, mask_suffix: str = MASK_SUFFIX, on_pair: Callable[[], None] = lambda: None
) -> Report:
    """Read all of a data set and judge it.

    Args:
        data: A folder or a list of pairs, as `find_pairs` takes them.
        mask_suffix: What a mask's stem has more than its image's where both lie in one folder.
        on_pair: Called after each pair that was read.
    """
    try:
        layout = find_pairs(data, mask_suffix)
    except ValueError as error:
        remedy = "Correct it, or lay the files out in one of the ways that docs/data.md lists."
        return Report((Finding("error", "no pairs", str(error), remedy),), {}, (), {})
    case = Case(layout, inspect(layout.splits, on_pair))
    findings = [finding for check in CHECKS for finding in check(case)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    pairs = {name: len(pairs) for name, pairs in layout.splits.items()}
    return Report(tuple(findings), pairs, (layout.note, case.note), suggest(case))


def suggest(case: Case) -> dict[str, object]:
    """Return what to train with, in the words of `kseg train`."""
    if case.labels is None or not case.images:
        return {}
    share = case.pixels.sum(axis=0) / max(case.pixels.sum(), 1)
    is_rare = bool((share < 0.01).any())
    sizes = np.array([image.size for _, image in case.images])
    height, width = np.median(sizes, axis=0)
    crop = [int(max(16, min(side, 512) // 16 * 16)) for side in (height, width)]
    return {
        "classes": list(case.labels.names),
        "ignore": case.labels.ignore,
        "max_side": int(min(1024, sizes.max())),
        "size": crop,
        "loss": "ce+dice" if is_rare else "ce",
        "class_weights": "enet" if is_rare else "none",
    }
