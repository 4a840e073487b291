"""The data of a training: read once, found whole, kept at hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kseg.data.augment.pipelines import Pipeline, read_pipeline
from kseg.data.augment.settings import Input
from kseg.data.resizing import Squashed
from kseg.data.samples import Cached, CachedOnDisk, Samples
from kseg.data.sources.source import Splits
from kseg.data.statistics import Survey, survey
from kseg.errors import KsegError
from kseg.runs.recipe import Recipe
from kseg.runs.run import open_source

CACHES: Mapping[str, Callable[[Samples], Samples]] = {
    "memory": Cached,
    "disk": CachedOnDisk,
    "none": lambda samples: samples,
}


@dataclass(frozen=True)
class TrainingData:
    """A data set that was read once and found whole.

    Attributes:
        splits: The samples, kept as the recipe says once they are read.
        train: What the look at the training samples told.
        val: What the look at the validation samples told.
        pipeline: The augmentation.
        skipped: Pairs that were passed over, and why.
        split_off: Names of the pairs of the splits that the data does not have by itself.
    """

    splits: Splits
    train: Survey
    val: Survey
    pipeline: Pipeline
    skipped: dict[str, str]
    split_off: dict[str, list[str]]


def open_data(
    recipe: Recipe,
    on_sample: Callable[[], None] = lambda: None,
    kept: Mapping[str, Sequence[str]] | None = None,
) -> TrainingData:
    """Open a data set and read all of it once.

    Args:
        recipe: As `defaults.for_machine` returns it.
        on_sample: Called after each sample that was read.
        kept: What a run has split off, to split alike.

    Raises:
        KsegError: The data set is not whole; the message names the file.
    """
    pipeline = read_pipeline(recipe.input.augment)
    skipped = dict.fromkeys(recipe.data.skipped, "skipped by the recipe")
    if recipe.data.skip_broken:
        skipped |= open_source(recipe).broken(on_sample)
    recipe = recipe.changed(skipped=tuple(skipped))
    shown = recipe.input
    source = open_source(recipe, shown.max_side if shown.resize == "aspect" else None, kept)
    splits = source.open()
    keep = CACHES[recipe.data.cache]
    splits = replace(
        splits, train=keep(_shown(splits.train, shown)), val=keep(_shown(splits.val, shown))
    )
    try:
        train, val = survey(splits.train, on_sample), survey(splits.val, on_sample)
    except KsegError:
        _refuse(open_source(recipe).broken(), recipe)
        raise
    if not recipe.data.skip_broken:
        _refuse(source.broken(on_sample, "test"), recipe)
    for name, found in (("training", train), ("validation", val)):
        if not found.pixels.any():
            raise KsegError(
                f"The {name} masks hold nothing but void ({splits.labels.ignore}): there is "
                "nothing to learn or to score. Correct the masks, or classes.json."
            )
    return TrainingData(splits, train, val, pipeline, skipped, source.split_off)


def _shown(samples: Samples, settings: Input) -> Samples:
    """Return samples as the network is to see them, where reading has not made them so."""
    if settings.resize == "squash" and settings.max_side:
        return Squashed(samples, settings.max_side)
    return samples


def _refuse(broken: Mapping[str, str], recipe: Recipe) -> None:
    """Name all pairs that cannot be read.

    Raises:
        KsegError: There are such.
    """
    if broken:
        listed = list(broken.values())
        more = f" {len(listed) - 5} more cannot be read either." if len(listed) > 5 else ""
        raise KsegError(
            f"{' '.join(listed[:5])}{more} Copy such files again from their source, or go on "
            f"without them by skip_broken=True. kseg data check {recipe.data.path} says more."
        )
