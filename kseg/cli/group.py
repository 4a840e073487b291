"""`kseg`: the group of all commands."""

import logging
import sys
import warnings
from typing import Any

import click

from kseg._text import printable
from kseg.cli.data import data
from kseg.cli.demo import demo
from kseg.cli.errors import Commands
from kseg.cli.evaluate import evaluate
from kseg.cli.export import export
from kseg.cli.info import info
from kseg.cli.models import models
from kseg.cli.predict import predict
from kseg.cli.prune import prune
from kseg.cli.recipe import recipe
from kseg.cli.report import report
from kseg.cli.train import train
from kseg.errors import Notice


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KSEG"},
)
@click.version_option(package_name="kseg")
def kseg() -> None:
    """Segment images: train a network on a folder of images and masks, judge it, use it.

    \b
    kseg train --arch unet                  learn built-in shapes, to see that all works
    kseg train --arch unet --data FOLDER    learn your images
    kseg evaluate                           score the newest run
    kseg report RUN...                      judge a run on one page, or compare several
    kseg predict IMAGE...                   predict masks with the newest run
    kseg demo                               try the newest run in the browser
    kseg prune                              cut a U-Net++ back to a smaller network
    kseg export                             write the newest run for other programs
    kseg recipe show RUN                    what makes a run again
    kseg models                             list the architectures
    kseg data check FOLDER                  say what is wrong with a data set

    Every option can be set by a variable too, such as KSEG_TRAIN_EPOCHS=5.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", Notice)
        warnings.showwarning = _show


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print what a user should hear, without the line of code that says it."""
    click.echo(printable(str(message)), err=True)


for command in (train, evaluate, report, predict, demo, prune, export, recipe, models, data, info):
    kseg.add_command(command)
