"""The images that runs are scored on, and whether any of them learned from those."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kseg.data.samples import Samples
from kseg.data.sources.source import Source
from kseg.errors import KsegError, Notice
from kseg.runs.run import Run


class Scored(NamedTuple):
    """What runs are scored on.

    Attributes:
        source: The data set.
        split: The name of its part.
        samples: The images and masks of that, with the runs' classes.
        learned: So many of the images a run was trained on.
    """

    source: Source
    split: str
    samples: Samples
    learned: int


def scored_on(
    runs: Sequence[Run], data: str | Path | None, split: str | None, mask_suffix: str
) -> Scored:
    """Open what runs are scored on.

    Args:
        runs: At least one.
        data: A data set with their classes; by default the first run's own.
        split: The name of a part; by default the one that tests.
        mask_suffix: What ends a mask's name where the masks of `data` lie beside their images.

    Raises:
        KsegError: There is no such data or split, or one of several runs was trained on it.
    """
    source = _source_of(runs[0], data, mask_suffix)
    split = split or source.best_test
    samples = source.split(split, source.labels(runs[0].labels))
    is_own = data is None and split == "train"
    return Scored(source, split, samples, len(samples) if is_own else _learned(runs, source, split))


def _source_of(run: Run, data: str | Path | None, mask_suffix: str) -> Source:
    """Return a run's own data, or another data set, to be read as the run's own is."""
    if data is None:
        return run.source()
    recipe = run.recipe
    return Source(
        str(data),
        recipe.input.size,
        val_fraction=0,
        mask_suffix=mask_suffix,
        channels=recipe.data.channels,
    )


def _learned(runs: Sequence[Run], source: Source, split: str) -> int:
    """Refuse to hold runs against each other on images that one of them learned from.

    Splits that kseg made differ from seed to seed and from fold to fold. Of a single run it is
    said; who asks for "train" knows.

    Returns:
        The most images that a run learned from.

    Raises:
        KsegError: One of several runs was trained on images of the split.
    """
    asked, learned = source.images(split), 0
    for run in runs:
        try:
            seen = len(asked & run.source().images("train"))
        except (KsegError, OSError):  # its data lies no longer as it did
            continue
        learned = max(learned, seen)
        if not seen or split == "train":
            continue
        said = f"{run.name} was trained on {seen} of the {len(asked)} images of {split}: it"
        if len(runs) == 1:
            said += " is scored by what it knows by heart, not by how it does on new ones."
            warnings.warn(said, Notice, stacklevel=4)
            continue
        raise KsegError(
            f"{said} would be scored by what it knows by heart. Score the runs one by one, or on "
            "images that none has seen: a test split, or other data. Runs of one seed, which are "
            "no folds, share their val split."
        )
    return learned
