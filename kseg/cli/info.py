"""`kseg info`."""

import click


@click.command()
def info() -> None:
    """Show versions, backend and device."""
    from kseg import machine
    from kseg.cli.terminal import open_console, print_device, print_facts

    console = open_console()
    backend, device = machine.backend(), machine.device()
    print_facts(console, list(machine.versions().items()))
    print_device(console, backend, device)
    print_facts(console, [("precision", f"{device.precision}, the default here")])
