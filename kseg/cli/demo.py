"""`kseg demo`."""

from contextlib import suppress
from pathlib import Path

import click

from kseg.cli.options import device_option, runs_option

LOCAL = "127.0.0.1"


@click.command()
@click.argument("named", nargs=-1, metavar="[RUN]...")
@click.option(
    "--host",
    default=LOCAL,
    show_default=True,
    help="Address to listen at; by default this machine alone, 0.0.0.0 for all that reach it.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen at.  [default: the first free one from 7860 on]",
)
@device_option
@runs_option
def demo(
    named: tuple[str, ...], host: str, port: int | None, device: str | None, runs: Path
) -> None:
    """Open a page in the browser on which images are segmented by RUN, by default the newest.

    Several runs can be switched between. Images stay on this machine, and nothing of them is left
    when the command ends (Ctrl-C). Needs gradio: python -m pip install "kseg[demo]".
    """
    from kseg.cli.printer import start
    from kseg.runs.finding import open_run

    opened = [open_run(name, runs) for name in named] or [open_run(None, runs)]
    printer = start()

    import signal
    import threading

    from kseg import machine
    from kseg.demo.answers import Answers
    from kseg.demo.page import started

    # The system's request to end, or a terminal that is closed, is Ctrl-C: what was uploaded goes.
    for known in machine.ending_signals():
        signal.signal(known, signal.default_int_handler)
    with suppress(KeyboardInterrupt), started(Answers(opened, device), host, port) as address:
        printer.facts([("run", ", ".join(run.name for run in opened)), ("page", address)])
        if host != LOCAL:
            printer.facts([("", "everyone who reaches this machine can open it")])
        printer.facts([("", "Ctrl-C ends it")])
        threading.Event().wait()
