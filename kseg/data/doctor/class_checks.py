"""Checks of classes: whether they are known, and found in every split."""

from collections.abc import Iterator

import numpy as np

from kseg.data.doctor.case import Case, Finding, named

RARE = 0.001
"""A class of a smaller part of the pixels is called rare."""


def classes_unknown(case: Case) -> Iterator[Finding]:
    """Find that the classes cannot be told."""
    if case.labels is None:
        remedy = (
            f'Write {case.path}: {{"classes": [...]}}, and as needed "values", "palette", "ignore".'
        )
        yield Finding("error", "classes", case.note, remedy)


def classes_of_splits(case: Case) -> Iterator[Finding]:
    """Find classes that no mask holds, or that one split lacks."""
    if case.labels is None:
        return
    counts = {
        split: sum(
            (row for (look, _), row in zip(case.masks, case.pixels, strict=True)
             if look.split == split),
            np.zeros(len(case.labels), np.int64),
        )
        for split in case.layout.splits
    }  # fmt: skip
    names = np.array(case.labels.names)
    nowhere = sum(counts.values()) == 0
    if nowhere.any():
        text = f"No mask holds {named(names[nowhere])}."
        remedy = f"Take such classes out of {case.path}, or add images of them."
        yield Finding("warning", "classes without pixels", text, remedy)
    for split in sorted(set(counts) & {"val", "test"}):
        if "train" not in counts:
            continue
        missing = (counts["train"] > 0) & (counts[split] == 0)
        if missing.any():
            text = f"{split} holds no pixel of {named(names[missing])}, train does."
            remedy = f"Their score cannot be known; move some images with them to {split}."
            yield Finding("warning", f"classes missing in {split}", text, remedy)
        unlearned = (counts["train"] == 0) & (counts[split] > 0)
        if unlearned.any():
            text = f"{split} holds {named(names[unlearned])}, which train does not."
            remedy = "They cannot be learned; move images with them to train."
            yield Finding("warning", "classes missing in train", text, remedy)


def imbalance(case: Case) -> Iterator[Finding]:
    """Find classes of few pixels."""
    if case.labels is None or not case.pixels.sum():
        return
    share = case.pixels.sum(axis=0) / case.pixels.sum()
    rare = (share > 0) & (share < RARE)
    if rare.any():
        parts = [
            f"{name} ({part:.2%})"
            for name, part, is_rare in zip(case.labels.names, share, rare, strict=True)
            if is_rare
        ]
        text = f"Rare classes, by their part of the pixels: {', '.join(parts)}."
        remedy = "Train with --loss ce+dice, or with --class-weights enet."
        yield Finding("warning", "imbalance", text, remedy)
