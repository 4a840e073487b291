"""What is wrong with a data set, or doubtful, and what to do: most serious first."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from kseg.data.advice import advise
from kseg.data.doctor.case import LEARNED, Case, Finding
from kseg.data.doctor.checks import CHECKS
from kseg.data.doctor.inspection import inspect
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.data.reading.pairs import find_pairs

SEVERITIES = ("error", "warning", "note")


class Suggestion(TypedDict, total=False):
    """What to train with, in the words of `kseg.train`; empty where it cannot be told."""

    classes: list[str]
    ignore: int
    max_side: int
    size: list[int]
    loss: str
    class_weights: str


@dataclass(frozen=True)
class Report:
    """What the doctor found.

    Attributes:
        findings: Most serious first.
        pairs: Number of pairs of each split.
        notes: What was decided: how the files lie, where the classes come from.
        suggestion: What to train with: classes, ignore, size, loss, class weights and crop; empty
            where the classes or the images to learn from are unknown.
    """

    findings: tuple[Finding, ...]
    pairs: dict[str, int]
    notes: tuple[str, ...]
    suggestion: Suggestion

    @property
    def is_sound(self) -> bool:
        """Whether no error was found."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it."""
        return asdict(self)


def examine(
    data: Path | str,
    mask_suffix: str = MASK_SUFFIX,
    on_pair: Callable[[], None] = lambda: None,
    *,
    on_gpu: bool = False,
    is_pretrained: bool = False,
    channels: int = 3,
) -> Report:
    """Read all of a data set and judge it.

    Args:
        data: A folder or a list of pairs, as `find_pairs` takes them.
        mask_suffix: What a mask's stem has more than its image's where both lie in one folder.
        on_pair: Called after each pair that was read.
        on_gpu: Whether the suggestion is for training on a GPU.
        is_pretrained: Whether it is for an encoder that has learned from photos.
        channels: Of the images: 1 for grey, 3 for RGB, or the number of bands, up to 8.
    """
    try:
        layout = find_pairs(data, mask_suffix)
    except ValueError as error:
        remedy = "Correct it, or lay the files out in one of the ways that docs/data.md lists."
        return Report((Finding("error", "no pairs", str(error), remedy),), {}, (), {})
    case = Case(layout, inspect(layout.splits, on_pair, channels))
    findings = [finding for check in CHECKS for finding in check(case)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    pairs = {name: len(pairs) for name, pairs in layout.splits.items()}
    return Report(
        tuple(findings), pairs, (layout.note, case.note), suggest(case, on_gpu, is_pretrained)
    )


def suggest(case: Case, on_gpu: bool, is_pretrained: bool) -> Suggestion:
    """Return what to train with; nothing where it cannot be told."""
    sizes = [image.size for look, image in case.images if look.split in LEARNED]
    if case.labels is None or not sizes:
        return {}
    advice = advise(
        np.array(sizes), case.learned_pixels, on_gpu=on_gpu, is_pretrained=is_pretrained
    )
    return {
        "classes": list(case.labels.names),
        "ignore": case.labels.ignore,
        "max_side": advice.max_side,
        "size": list(advice.size),
        "loss": advice.loss,
        "class_weights": advice.class_weights,
    }
