"""`kseg report`."""

from pathlib import Path
from typing import Any

import click

from kseg.cli.options import (
    device_option,
    mask_suffix_option,
    runs_option,
    scored_options,
)


@click.command()
@click.argument("named", nargs=-1, metavar="[RUN]...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write.  [default: report_SPLIT.html in the folder of RUN]",
)
@scored_options
@mask_suffix_option
@click.option("--card", is_flag=True, help="Write a model card of RUN beside it, MODEL_CARD.md.")
@device_option
@runs_option
def report(named: tuple[str, ...], **words: Any) -> None:
    """Write one page about RUN, by default the newest: scores, failures, training, data.

    Of several runs the page tells which is better, overall and per class, and how sure that is.
    It is a file of HTML that needs no network and nothing beside it.
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_runs

    open_runs(named or None, words["runs"])
    printer = start()

    from kseg.workflows.report import report

    report(named or None, **words, progress=printer)
