"""Checks of classes: whether they are known, and found in every split."""

from collections.abc import Iterator

import numpy as np

from kseg.data.advice import rare_classes
from kseg.data.doctor.case import Case, Finding, named


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
    nowhere = case.pixels.sum(axis=0) == 0
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
    """Find classes of few of the pixels to learn from."""
    if case.labels is None:
        return
    pixels = case.learned_pixels.sum(axis=0)
    rare = [index for index in rare_classes(case.learned_pixels) if pixels[index]]
    if rare:
        parts = [f"{case.labels.names[i]} ({pixels[i] / pixels.sum():.2%})" for i in rare]
        text = f"Rare classes, by their part of the pixels: {', '.join(parts)}."
        remedy = (
            "Add images of them. kseg.train() weighs the classes by itself, by enet, where the "
            "loss is one of pixels; class_weights= and loss= choose otherwise."
        )
        yield Finding("warning", "imbalance", text, remedy)
