"""Data sets as pictures."""

from collections.abc import Sequence
from pathlib import Path

from kseg import _files
from kseg.data.augment.pipelines import Augmentation
from kseg.data.samples import Samples
from kseg.plots.overlays import as_rgb, overlay
from kseg.plots.sheets import sheet


def draw_samples(
    path: Path, samples: Samples, indices: Sequence[int], augment: Augmentation | None, seed: int
) -> Path:
    """Draw samples with their masks over them, and three augmentations of each where asked for.

    Args:
        path: The PNG to write.
        samples: A data set.
        indices: The samples to draw.
        augment: What training does to an image; `None` for the images as they are.
        seed: Seed of the augmentation.
    """
    titles = ["image", "classes"]
    if augment is not None:
        titles += [f"augmented {number}" for number in (1, 2, 3)]
    rows = []
    for index in indices:
        sample = samples[index]
        pictures = [as_rgb(sample.image), overlay(sample.image, sample.mask, samples.labels)]
        if augment is not None:
            for number in range(len(titles) - 2):
                image, mask = augment(sample.image, sample.mask, seed + 1000 * index + number)
                pictures.append(overlay(image, mask, samples.labels))
        rows.append((sample.name, pictures))
    return _files.write_figure(path, sheet(titles, rows, samples.labels))
