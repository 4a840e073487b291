"""What `kseg data` does: data sets judged, counted, drawn and written anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kseg import _checks, machine
from kseg.data.augment.pipelines import augmentation
from kseg.data.doctor.examination import Report, examine
from kseg.data.reading.layout import MASK_SUFFIX
from kseg.data.sources import tfds
from kseg.data.sources.source import open_pairs
from kseg.data.statistics import Statistics, describe
from kseg.labels import Labels
from kseg.models import choosing
from kseg.models.settings import NONE, Model
from kseg.reports.samples import draw_samples
from kseg.workflows.watching import Watch, watching


@dataclass(frozen=True)
class Count:
    """What a data set holds.

    Attributes:
        statistics: Pixels, images and regions per class, sizes, colours.
        labels: The classes.
        note: Where the classes come from.
    """

    statistics: Statistics
    labels: Labels
    note: str


def check_data(
    data: str | Path,
    *,
    mask_suffix: str = MASK_SUFFIX,
    channels: int = 3,
    progress: bool | Watch = False,
) -> Report:
    """Read all of a data set and judge it; what is suggested is what a training takes here.

    Args:
        data: A folder or a list of pairs.
        mask_suffix: What ends a mask's name where masks lie beside their images.
        channels: Channels of the images, 1 to 8.
        progress: Whether to show a bar, on a terminal or in a notebook.
    """
    with watching(progress).counting("reading", None) as on_pair:
        network, _ = choosing.chosen(Model())
        return examine(
            data,
            mask_suffix,
            on_pair,
            on_gpu=machine.device().kind == "gpu",
            is_pretrained=network.weights != NONE,
            channels=channels,
        )


def count_data(
    data: str | Path,
    *,
    split: str | None = None,
    mask_suffix: str = MASK_SUFFIX,
    channels: int = 3,
    progress: bool | Watch = False,
) -> Count:
    """Count pixels, images and regions per class, sizes and colours of a split.

    Args:
        data: A folder or a list of pairs.
        split: "train", "val", "test" or "all"; by default "train", or "all" where nothing is split.
        mask_suffix: What ends a mask's name where masks lie beside their images.
        channels: Channels of the images, 1 to 8.
        progress: Whether to show a bar, on a terminal or in a notebook.

    Raises:
        KsegError: The files are not laid out as they should, or one cannot be read.
    """
    samples, note = open_pairs(Path(data), split, mask_suffix, channels)
    with watching(progress).counting("reading", len(samples)) as on_sample:
        return Count(describe(samples, on_sample), samples.labels, note)


def show_data(
    data: str | Path,
    out: str | Path,
    *,
    split: str | None = None,
    count: int = 6,
    augment: str | None = None,
    size: tuple[int, int] = (256, 256),
    seed: int = 0,
    mask_suffix: str = MASK_SUFFIX,
    channels: int = 3,
) -> str:
    """Draw images chosen by chance, their masks over them; say where the classes come from.

    Args:
        data: A folder or a list of pairs.
        out: PNG to write.
        split: "train", "val", "test" or "all"; by default "train", or "all" where nothing is split.
        count: Images to draw.
        augment: Draw three changed versions of each too: a preset, or a pipeline in YAML.
        size: `(height, width)` of these.
        seed: Which images, and how they are changed.
        mask_suffix: What ends a mask's name where masks lie beside their images.
        channels: Channels of the images, 1 to 8; the first three are shown.

    Raises:
        ArgumentError: `out` is no PNG, SVG or PDF.
        KsegError: The files are not laid out as they should, or one cannot be read.
    """
    _checks.figure_file(out, "out")
    samples, note = open_pairs(Path(data), split, mask_suffix, channels)
    order = np.random.default_rng(seed).permutation(len(samples))
    changed = None
    if augment:
        changed = augmentation(augment, size, samples.labels.ignore, channels=channels)
    draw_samples(Path(out), samples, sorted(order[:count].tolist()), changed, seed)
    return note


def import_data(
    name: str,
    out: str | Path,
    *,
    splits: Mapping[str, str] | None = None,
    image_key: str = "image",
    mask_key: str = "segmentation_mask",
    download: bool = False,
    progress: bool | Watch = False,
) -> dict[str, int]:
    """Write a data set of TensorFlow Datasets as files; return the pairs of each split.

    Args:
        name: Name of the data set, such as "oxford_iiit_pet" or "tfds:oxford_iiit_pet".
        out: Folder to write, which must not be there.
        splits: What to read for train, val or test, in the language of TFDS.
        image_key: Feature that holds the images.
        mask_key: Feature that holds the masks.
        download: Whether TFDS may download what is not on this machine.
        progress: Whether to show a bar, on a terminal or in a notebook.

    Raises:
        KsegError: The data set is not there, or is not of pairs of images and masks.
    """
    watch = watching(progress)
    wanted = replace(tfds.wanted(name, image_key, mask_key), splits=dict(splits or {}))
    with watch.counting("writing", None) as on_pair:
        return tfds.import_splits(
            wanted, Path(out), download=download, on_pair=on_pair, on_download=watch.downloads
        )
