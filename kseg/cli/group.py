"""`kseg`: the group of all commands."""

import logging
import sys
import warnings

import click

from kseg.cli.data import data
from kseg.cli.errors import Commands
from kseg.cli.evaluate import evaluate
from kseg.cli.info import info
from kseg.cli.models import models
from kseg.cli.predict import predict
from kseg.cli.prune import prune
from kseg.cli.recipe import recipe
from kseg.cli.train import train


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
    kseg predict IMAGE...                   predict masks with the newest run
    kseg prune                              cut a U-Net++ back to a smaller network
    kseg recipe show RUN                    what makes a run again
    kseg models                             list the architectures
    kseg data check FOLDER                  say what is wrong with a data set

    Every option can be set by a variable too, such as KSEG_TRAIN_EPOCHS=5.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


for command in (train, evaluate, predict, prune, recipe, models, data, info):
    kseg.add_command(command)
