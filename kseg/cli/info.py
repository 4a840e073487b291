"""`kseg info`."""

import click


@click.command()
def info() -> None:
    """Show versions, backend and device."""
    from kseg import machine
    from kseg.cli.printer import start

    printer = start()
    device = machine.device()
    printer.facts(list(machine.versions().items()))
    printer.starts(device)
    printer.facts([("precision", f"{device.precision}, the default here")])
