"""`kseg data check`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kseg._text import printable
from kseg.cli.options import channels_option, data_argument, json_option, mask_suffix_option

if TYPE_CHECKING:
    from rich.console import Console

    from kseg.data.doctor.examination import Report

SHOWN = 5
STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


@click.command()
@data_argument
@mask_suffix_option
@channels_option
@json_option
def check(data: Path, mask_suffix: str, channels: int, as_json: bool) -> None:
    """Read all of DATA and say what is wrong or doubtful, most serious first.

    Ends with 1 if there is an error: something that would stop a training, or teach it what is
    wrong. Warnings are doubts, and do not change the exit code.
    """
    import json

    from kseg.cli.printer import start

    printer = start()

    from kseg.workflows.data import check_data

    report = check_data(data, mask_suffix=mask_suffix, channels=channels, progress=printer)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _print(printer.console, report, data, mask_suffix, channels)
    if not report.is_sound:
        raise click.exceptions.Exit(1)


def _print(
    console: "Console", report: "Report", data: Path, mask_suffix: str, channels: int
) -> None:
    import shlex

    from kseg.cli.terminal import print_facts
    from kseg.cli.train import train
    from kseg.cli.words import as_typed

    pairs = ", ".join(
        f"{count} pairs" if split == "all" else f"{count} of {split}"
        for split, count in report.pairs.items()
    )
    print_facts(console, [("data", pairs), *(("", note) for note in report.notes)])
    for finding in report.findings:
        console.print()
        style = STYLES[finding.severity]
        console.print(f"[{style}]{finding.severity:<10}[/{style}] ", end="")
        said = as_typed(finding.text, train)
        console.print(printable(f"{finding.kind}: {said}"), markup=False)
        for path in finding.files[1:SHOWN]:
            console.print(printable(f"{'':<11}{path}"), markup=False)
        if len(finding.files) > SHOWN:
            more = len(finding.files) - SHOWN
            console.print(f"{'':<11}and {more} more files (--json names all)", markup=False)
        console.print(printable(f"{'':<11}{as_typed(finding.remedy, train)}"), markup=False)
    console.print()
    counts = {
        severity: sum(finding.severity == severity for finding in report.findings)
        for severity in STYLES
    }
    found = ", ".join(f"{n} {name}{'s' * (n > 1)}" for name, n in counts.items() if n)
    facts = [("found", found or "nothing")]
    if report.suggestion:
        height, width = report.suggestion["size"]
        options = {
            "--data": shlex.quote(str(data)),
            "--max-side": report.suggestion["max_side"],
            "--size": f"{height}x{width}",
            "--loss": report.suggestion["loss"],
            "--class-weights": report.suggestion["class_weights"],
        }
        if mask_suffix != "_mask":
            options["--mask-suffix"] = mask_suffix
        if channels != 3:
            options["--channels"] = channels
        command = " ".join(f"{name} {value}" for name, value in options.items())
        facts.append(("suggested", f"kseg train {command}"))
    print_facts(console, facts)
