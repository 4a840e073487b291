"""Checks of masks: what their values mean, and what they show."""

from collections.abc import Iterator

import numpy as np

from kseg.data.doctor.case import Case, Finding, first_of, masks_of, named
from kseg.data.doctor.inspection import MaskLook


def black_and_white(case: Case) -> Iterator[Finding]:
    """Find masks of 0 and 255 where 255 is declared void."""
    if case.labels is None or 255 not in case.meaning or case.meaning[255] != case.labels.ignore:
        return
    found = {value for _, mask in case.masks for value in mask.pixels}
    if found == {0, 255}:
        remedy = f'Say so in {case.path}: {{"classes": [...], "values": {{"0": 0, "255": 1}}}}.'
        text = (
            "All masks hold 0 and 255 alone, where 255 is declared void: only class "
            f"'{case.labels.names[0]}' is left."
        )
        yield Finding(
            "error", "0/255 masks", text, remedy, masks_of(look for look, _ in case.masks)
        )


def black_and_white_in_part(case: Case) -> Iterator[Finding]:
    """Find masks of 0 and 255 among masks of indices: their foreground would be void."""
    if case.labels is None or len(case.labels) != 2 or case.meaning.get(255) != case.labels.ignore:
        return
    sure = [look for look, mask in case.masks if set(mask.pixels) == {0, 255}]
    others = [mask for _, mask in case.masks if 1 in mask.pixels]
    if sure and others and not any(255 in mask.pixels for mask in others):
        text = f"{sure[0].pair.mask} holds 0 and 255, other masks 0 and 1: 255 is void."
        remedy = "Save all masks alike; as they are, the foreground of these is not learned."
        yield Finding("error", "0/255 masks in part", first_of(text, sure), remedy, masks_of(sure))


def strange_values(case: Case) -> Iterator[Finding]:
    """Find values of masks that mean nothing."""
    if case.labels is None:
        return
    strange = [(look, case.strangers(mask), mask) for look, mask in case.masks]
    strange = [entry for entry in strange if entry[1]]
    kinds = {value for _, values, _ in strange for value in values}
    blurred = [entry for entry in strange if _is_blur(entry[1], entry[2])]
    if len(kinds) == 1 and not _lies_between(case, *kinds):
        blurred = []
    others = [entry for entry in strange if entry not in blurred]
    if blurred:
        look, values, mask = blurred[0]
        text = (
            f"{look.pair.mask} holds {len(values)} values between the classes, in "
            f"{_share(values, mask):.1%} of its pixels: it was compressed as a JPEG once, or "
            "resized with interpolation."
        )
        yield Finding(
            "error",
            "values between classes",
            first_of(text, blurred),
            "Make the masks again: resized by nearest neighbours alone, and saved as PNG.",
            masks_of(entry[0] for entry in blurred),
        )
    if others:
        look, values, mask = others[0]
        what = "colours" if mask.is_colored else "values"
        text = (
            f"{look.pair.mask} holds the {what} {', '.join(map(str, sorted(values)[:5]))}, which "
            f"are none of the {len(case.labels)} classes."
        )
        remedy = f'Correct the masks, or name them in {case.path} ("classes", "values", "palette").'
        if len(kinds) == 1 and not mask.is_colored:
            remedy += f' If it marks what nobody labelled: "ignore": {min(kinds)}.'
        files = masks_of(entry[0] for entry in others)
        yield Finding("error", "values outside the classes", first_of(text, others), remedy, files)


def one_value(case: Case) -> Iterator[Finding]:
    """Find masks of nothing but void, or of one class."""
    if case.labels is None or not case.masks:
        return
    total = case.pixels.sum(axis=1)
    void = [look for (look, mask), n in zip(case.masks, total, strict=True) if not n]
    single = [look for look, mask in case.masks if len(mask.pixels) == 1 and look not in void]
    if void:
        text = f"{void[0].pair.mask} holds nothing but void."
        remedy = "Label it, or take the pair out: nothing is learned from it."
        severity = "error" if len(void) == len(case.masks) else "warning"
        yield Finding(severity, "void masks", first_of(text, void), remedy, masks_of(void))
    if single:
        text = f"{single[0].pair.mask} holds one class alone, over the whole image."
        remedy = "Check that such masks are meant so (images without an object)."
        severity = "error" if len(single) == len(case.masks) else "warning"
        yield Finding(
            severity, "masks of one value", first_of(text, single), remedy, masks_of(single)
        )


def specks(case: Case) -> Iterator[Finding]:
    """Find classes that are mostly specks."""
    if case.labels is None:
        return
    regions, specks = (np.zeros(len(case.labels), np.int64) for _ in range(2))
    for _, mask in case.masks:
        for value, (all_, tiny) in mask.regions.items():
            index = case.meaning.get(value)
            if index is not None and index < len(regions):
                regions[index] += all_
                specks[index] += tiny
    noisy = (regions >= 20) & (specks > regions / 2)
    if noisy.any():
        names = np.array(case.labels.names)[noisy]
        text = f"Most regions of {named(names)} have up to 4 pixels."
        remedy = "Look for noise in the masks (kseg data show); remove specks where they are."
        yield Finding("warning", "tiny regions", text, remedy)


def _lies_between(case: Case, value: int | tuple) -> bool:
    """Tell whether interpolation of classes could make a value: colours always, or an index."""
    return isinstance(value, tuple) or value < max(
        key for key in case.meaning if isinstance(key, int) and key != case.classes.ignore
    )


def _is_blur(strangers: dict, mask: MaskLook) -> bool:
    """Tell values that compression or interpolation left: many, or in specks, of few pixels."""
    regions = [mask.regions.get(value, (0, 0)) for value in strangers]
    specks = sum(tiny for _, tiny in regions) > sum(count for count, _ in regions) / 2
    return (len(strangers) >= 4 or specks) and _share(strangers, mask) < 0.5


def _share(values: dict, mask: MaskLook) -> float:
    return sum(values.values()) / sum(mask.pixels.values())
