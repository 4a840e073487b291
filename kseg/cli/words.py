"""From what the library says to what a user of the command line types."""

import re

import click

from kseg.runs.recipe import SECTIONS, WORDS

CALL = re.compile(r"kseg\.(\w+)\(([^()]*)\)")
ARGUMENT = re.compile(r"""\b([a-z_]+)=(True\b|"[^"]*"|'[^']*'|\([^()]*\)|\[[^\]]*\]|[\w.:-]*\w)?""")
FIRST = re.compile(r"""["']([^"']+)["']""")
CALLS = {
    "cross_validate": ("train", "--recipe {}/recipe.yaml"),
    "resume": ("train", "--resume {}"),
    "train": ("train", "--recipe {}/recipe.yaml"),
}
"""Command, and how it is told the run, where that is not its own name and argument."""
FIELD = re.compile(rf"\b((?:{'|'.join(SECTIONS)})\.[a-z_]+): ")


def as_typed(message: str, command: click.Command) -> str:
    """Spell arguments as the options of a command, and calls of `kseg` as commands.

    "Choose another name=, or overwrite=True" becomes "Choose another --name, or --overwrite", and
    "kseg.train(arch="unet")" becomes "kseg train --arch unet". What is no option stays as it is.

    Args:
        message: What an error says.
        command: The command that was called.
    """
    known = {parameter.name: parameter for parameter in command.params}

    def option(match: re.Match) -> str:
        parameter = known.get(match[1])
        if parameter is None:
            return match[0]
        if isinstance(parameter, click.Argument):
            return parameter.make_metavar(click.Context(command)).strip("[].")
        return _spelled(match, max(parameter.opts, key=len))

    def field(match: re.Match) -> str:
        word = {path: word for word, path in WORDS.items()}.get(match[1])
        return f"--{word.replace('_', '-')}: " if word in known else match[0]

    if FIELD.match(message):  # a fault in a file begins with the file's name, and keeps its path
        message = FIELD.sub(field, message)
    return ARGUMENT.sub(option, CALL.sub(_command, message))


def _command(match: re.Match) -> str:
    """Spell a call as a command; a first value without a name is an argument, but for trainings."""
    first = FIRST.match(match[2])
    name, named = CALLS.get(match[1], (match[1], "{}"))
    arguments = ARGUMENT.finditer(match[2])
    options = [_spelled(one, f"--{one[1].replace('_', '-')}") for one in arguments]
    return " ".join([f"kseg {name}", *([named.format(first[1])] if first else []), *options])


def _spelled(match: re.Match, option: str) -> str:
    value = match[2]
    return option if value in (None, "True") else f"{option} {value.strip(chr(34) + chr(39))}"
