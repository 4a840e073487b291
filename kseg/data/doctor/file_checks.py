"""Checks of files: whether they are there, can be read, and fit together."""

from collections.abc import Iterator
from pathlib import Path

from kseg.data.doctor.case import Case, Finding, first_of, images_of, is_text, masks_of, sized
from kseg.data.doctor.inspection import ImageLook, Look, MaskLook
from kseg.data.reading import bands

DARK = 48
"""An image in which no pixel is brighter is called dark."""


def unreadable(case: Case) -> Iterator[Finding]:
    """Find files that cannot be read."""
    broken = [text for look in case.looks for text in (look.image, look.mask) if is_text(text)]
    paths = [
        str(path)
        for look in case.looks
        for path, found in ((look.pair.image, look.image), (look.pair.mask, look.mask))
        if is_text(found)
    ]
    if broken:
        text = first_of(broken[0], broken)
        remedy = "Do as it says, copy the file again from its source, or take the pair out."
        yield Finding("error", "unreadable", text, remedy, tuple(paths))


def layout(case: Case) -> Iterator[Finding]:
    """Find files without a partner, or with too many."""
    remedies = {
        "alone": "Add the partner, or move the file away.",
        "doubled": "Keep one of the files that share a name.",
        "incomplete": "Add what is missing, or move the split away.",
        "no mask": "Save the masks as PNG, from what they were drawn in.",
    }
    for kind, remedy in remedies.items():
        faults = [fault for fault in case.layout.faults if fault.kind == kind]
        if faults:
            paths = tuple(str(fault.path) for fault in faults)
            yield Finding("error", kind, first_of(faults[0].text, faults), remedy, paths)


def no_train(case: Case) -> Iterator[Finding]:
    """Find that there is nothing to train on."""
    if not {"train", "all"} & set(case.layout.splits):
        text = f"There is nothing to train on, only {', '.join(case.layout.splits)}."
        yield Finding("error", "no train", text, "Add train/, with images/ and masks/.")


def rotation(case: Case) -> Iterator[Finding]:
    """Find images whose EXIF rotation their masks do not share."""
    turned = [
        (look, image, mask)
        for look, image, mask in case.whole
        # A quarter turn that fits is right, unless the image is square.
        if image.orientation != mask.orientation and not _is_turned_rightly(image, mask)
    ]
    if turned:
        fits = all(image.size == mask.size for _, image, mask in turned)
        look, image, mask = turned[0]
        text = (
            f"{look.pair.image} has the EXIF orientation {image.orientation}, its mask "
            f"{mask.orientation}"
        )
        yield Finding(
            "warning" if fits else "error",
            "rotation",
            first_of(text + ".", turned),
            "Look at the pair (kseg data show). If the mask was drawn on the image as it is "
            "stored, remove the orientation from the image; kseg applies it.",
            images_of(look for look, _, _ in turned),
        )


def sizes_differ(case: Case) -> Iterator[Finding]:
    """Find masks of another size than their images."""
    wrong = [
        (look, image, mask)
        for look, image, mask in case.whole
        if image.size != mask.size and image.orientation == mask.orientation
    ]
    if wrong:
        look, image, mask = wrong[0]
        text = (
            f"{look.pair.mask} is {sized(mask.size)}, its image {sized(image.size)} "
            "(height x width)."
        )
        remedy = "Make masks of the image's size again, by nearest neighbours."
        files = masks_of(look for look, _, _ in wrong)
        yield Finding("error", "size mismatch", first_of(text, wrong), remedy, files)


def dark(case: Case) -> Iterator[Finding]:
    """Find images that are nearly black."""
    dark = [look for look, image in case.images if image.peak < DARK]
    if dark:
        text = f"{dark[0].pair.image} is nearly black: no pixel is brighter than {DARK} of 255."
        remedy = "If its pixels have 10 or 12 bits in a file of 16, scale them up to 16 bits."
        yield Finding("warning", "dark images", first_of(text, dark), remedy, images_of(dark))


def spare_bands(case: Case) -> Iterator[Finding]:
    """Find images of more bands than are read."""
    richer = [(look, image.spare) for look, image in case.images if image.spare]
    if richer:
        look, spare = richer[0]
        text = f"{look.pair.image} holds {spare + 3} bands, of which the first three are read."
        remedy = (
            f"If all are data, such as infrared, {bands.reader_of(spare + 3)}; if a fourth says "
            "what is transparent, nothing must be done."
        )
        files = images_of(look for look, _ in richer)
        yield Finding("warning", "spare bands", first_of(text, richer), remedy, files)


def one_mask_for_many(case: Case) -> Iterator[Finding]:
    """Find masks that belong to several images."""
    owners: dict[Path, list[Look]] = {}
    for look in case.looks:
        owners.setdefault(look.pair.mask.resolve(), []).append(look)
    shared = [look for looks in owners.values() if len(looks) > 1 for look in looks]
    if shared:
        text = f"{shared[0].pair.mask} is the mask of several images."
        remedy = "Check that the list names each image's own mask."
        yield Finding("warning", "shared masks", text, remedy, images_of(shared))


def passed_over(case: Case) -> Iterator[Finding]:
    """Find files and folders that were passed over."""
    if case.layout.others:
        paths = tuple(str(path) for path in case.layout.others)
        text = f"{paths[0]} is passed over: no image in the place of one."
        remedy = "Convert files of other formats; name folders train, val or test; or ignore this."
        yield Finding("warning", "passed over", first_of(text, paths), remedy, paths)


def sizes_vary(case: Case) -> Iterator[Finding]:
    """Find that images vary much in size."""
    areas = [image.size[0] * image.size[1] for _, image in case.images]
    if areas and max(areas) > 4 * min(areas):
        smallest, largest = (
            min(case.images, key=lambda entry: entry[1].size[0] * entry[1].size[1] * sign)[1].size
            for sign in (1, -1)
        )
        text = f"Images vary in size, from {sized(smallest)} to {sized(largest)} (height x width)."
        remedy = "Nothing must be done: images are cropped in training; max_side= bounds them."
        yield Finding("note", "sizes vary", text, remedy)


def _is_turned_rightly(image: ImageLook, mask: MaskLook) -> bool:
    """Tell whether the sizes prove that an upright mask belongs to an image turned by EXIF."""
    height, width = image.size
    return image.orientation >= 5 and height != width and image.size == mask.size
