"""`kseg info`."""

import click


@click.command()
def info() -> None:
    """Show versions, backend and device."""
    from kseg import machine
    from kseg.cli.printer import per_step, start

    printer = start()
    device = machine.device()
    printer.facts(list(machine.versions().items()))
    printer.starts(device)
    known = machine.known_times("step")
    note = "the default here" if device.kind == "gpu" else "until a longer training has timed it"
    printer.facts([("precision", f"{device.precision}, {note}")])
    printer.facts(
        [("", f"{network}: seconds per step, {per_step(known[network])}") for network in known]
    )
    answers = machine.known_times("answer")
    printer.facts(
        [("engine", f"{network}: per image, {per_step(answers[network])}") for network in answers]
    )
