"""`kseg`: the group of all commands, and how an error reaches the terminal."""

import logging
import os
import sys
import warnings
from typing import Any

import click

from kseg.cli.data import data
from kseg.cli.evaluate import evaluate
from kseg.cli.info import info
from kseg.cli.models import models
from kseg.cli.predict import predict
from kseg.cli.prune import prune
from kseg.cli.train import train


class _Group(click.Group):
    """A group whose commands end in one sentence where they cannot go on."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(130)
        except ValueError as error:
            if os.environ.get("KSEG_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{name}{error.strerror or error}") from error
        except Exception as error:
            if os.environ.get("KSEG_TRACEBACK"):
                raise
            raise click.ClickException(
                f"{type(error).__name__}: {error}\nThis is a fault of kseg. With KSEG_TRACEBACK=1 "
                "the command shows where; please report that."
            ) from error


@click.group(
    cls=_Group,
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
    kseg models                             list the architectures
    kseg data check FOLDER                  say what is wrong with a data set

    Every option can be set by a variable too, such as KSEG_TRAIN_EPOCHS=5.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


for command in (train, evaluate, predict, prune, models, data, info):
    kseg.add_command(command)
