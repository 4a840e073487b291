"""Options and types that commands share."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from kseg import _checks
from kseg._settings import read_size
from kseg.data.augment.presets import PRESETS, check_pipeline
from kseg.data.augment.settings import Resize, ResizeBack
from kseg.errors import KsegError
from kseg.inference.settings import AUTO, DOUBTS, ENGINES, read_views


class Size(click.ParamType):
    """`256`, or `256x320` for height x width."""

    name = "HxW"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Return `(height, width)`."""
        if isinstance(value, tuple):
            return value
        try:
            return read_size(value)
        except KsegError as error:
            self.fail(str(error), param, ctx)


RUNS = Path("saved_models")


def named(run: Path) -> str:
    """Return how a command names a run: by its name where runs lie by default, else by its path."""
    return run.name if run.parent == RUNS else shlex.quote(str(run))


def runs_option(command: Callable) -> Callable:
    """Add `--runs`."""
    return click.option(
        "--runs",
        type=click.Path(file_okay=False, path_type=Path),
        default=RUNS,
        show_default=True,
        help="Folder that holds the runs.",
    )(command)


def scored_options(command: Callable) -> Callable:
    """Add the options that say what a run is scored on: `--data` and `--split`."""
    data = click.option("--data", metavar="DATA", help="Another data set with the run's classes.")
    split = click.option(
        "--split",
        type=click.Choice(["train", "val", "test", "all"]),
        help="Split to score; all is another data set in one piece.  [default: test, or val where "
        "there is no test, or all]",
    )
    return data(split(command))


def shown_options(command: Callable) -> Callable:
    """Add the options that say at which size the network is shown images."""
    as_trained = "  [default: as in training]"
    side = click.option(
        "--max-side",
        type=click.IntRange(1),
        help=f"The longest side that the network is shown.{as_trained}",
    )
    resize = click.option(
        "--resize",
        type=click.Choice(get_args(Resize)),
        help="How images come to it: made smaller with their aspect, both sides made as long, or "
        f"not at all.{as_trained}",
    )
    back = click.option(
        "--resize-back",
        type=click.Choice(get_args(ResizeBack)),
        help=f"How the answer comes back to the size of the image.{as_trained}",
    )
    return side(resize(back(command)))


def checked_by(function: Callable[[str], Any]) -> Callable:
    """Return a click callback that refuses a value for which `function` raises a `KsegError`."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        try:
            if value is not None:
                function(value)
        except KsegError as error:
            raise click.BadParameter(str(error)) from None
        return value

    return check


def one_of(choices: Any, what: str) -> Callable:
    """Return a click callback that suggests the nearest of `choices` for an unknown value."""
    return checked_by(lambda value: _checks.one_of(value, choices, what))


def engine_option(default: str) -> Callable:
    """Return the decorator that adds `--engine`."""
    return click.option(
        "--engine",
        type=click.Choice([AUTO, *ENGINES]),
        default=default,
        show_default=True,
        help="What runs the network; auto is the fastest of those that are installed, timed once "
        "per network and machine, for 100 images or more.",
    )


uncertainty_option = click.option(
    "--uncertainty",
    type=click.Choice(DOUBTS),
    default=DOUBTS[0],
    show_default=True,
    help="How uncertainty is measured: by the probability of each pixel's class, the entropy of "
    "all classes, what the first is ahead of the second, or how far several answers differ.",
)
tta_option = click.option(
    "--tta",
    metavar="VIEWS",
    callback=checked_by(read_views),
    help="Average the answers for several views of each image: flip (twice the time), turns (four "
    "times), scales (three times), dropout (eight times, of a network trained with it), or "
    "several, such as flip+scales.",
)
data_argument = click.argument("data", type=click.Path(exists=True, path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
mask_suffix_option = click.option(
    "--mask-suffix",
    default="_mask",
    show_default=True,
    help="What ends a mask's name where masks lie beside their images.",
)
channels_option = click.option(
    "--channels",
    type=click.IntRange(1, 8),
    default=3,
    show_default=True,
    help="Channels of the images: 1 for grey, 3 for RGB, 4 for RGBA or RGB with infrared.",
)
augment_option = click.option(
    "--augment",
    metavar="NAME|YAML",
    callback=checked_by(check_pipeline),
    help=f"How images are changed at random: {', '.join(PRESETS)}; or a pipeline of your own that "
    "albumentations saved as YAML.  [default: light in training; none where it only shows]",
)
image_key_option = click.option(
    "--image-key", default="image", show_default=True, help="Feature of TFDS that holds the images."
)
mask_key_option = click.option(
    "--mask-key",
    default="segmentation_mask",
    show_default=True,
    help="Feature of TFDS that holds the masks.",
)
download_option = click.option(
    "--download", is_flag=True, help="Let TFDS download what is not on this machine."
)
weight_option = click.option(
    "--weight",
    "weights",
    type=float,
    multiple=True,
    help="What each run counts, given as often as there are runs.  [default: all the same]",
)
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "gpu"]),
    help="What to compute on.  [default: the GPU where there is one]",
)
