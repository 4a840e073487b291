"""How an error reaches the terminal: one sentence, and an exit code."""

import os
from typing import Any, NoReturn

import click

from kseg import _checks
from kseg._text import printable
from kseg.cli.words import as_typed
from kseg.errors import ArgumentError, KsegError

CALLED = "kseg.called"


class Commands(click.Group):
    """A group whose commands end in one sentence where they cannot go on."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        """Find a command, and note which."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[CALLED] = command
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise _with_nearest(error) from None
        except click.ClickException as error:
            # Click quotes what the shell made of a pattern; its own messages have several lines.
            vars(error)["message"] = "\n".join(map(printable, error.message.split("\n")))
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(130)
        except Exception as error:
            if os.environ.get("KSEG_TRACEBACK"):
                raise
            _refuse(error, ctx.meta.get(CALLED, self))


def _refuse(error: Exception, command: click.Command) -> NoReturn:
    """End with what an error says, in the words of the command line.

    Raises:
        ClickException: Always.
    """
    if isinstance(error, ArgumentError):
        raise click.UsageError(printable(as_typed(str(error), command))) from error
    if isinstance(error, KsegError):
        raise click.ClickException(printable(as_typed(str(error), command))) from error
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(printable(f"{name}{error.strerror or error}")) from error
    said = printable(f"{type(error).__name__}: {error}")
    raise click.ClickException(
        f"{said}\nThis is a fault of kseg. With KSEG_TRACEBACK=1 the command shows where; please "
        "report that."
    ) from error


def _with_nearest(error: click.NoSuchOption) -> click.UsageError:
    """Say which option may be meant, by its initials too, or which field of a recipe."""
    if error.ctx is None:
        return error
    known = {
        option.lstrip("-"): option
        for parameter in error.ctx.command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    wanted = error.option_name.lstrip("-")
    near = _checks.nearest(wanted, known)
    hint = f" Did you mean {known[near]}?" if near else ""
    if "set" in known:
        from kseg.runs.recipe import WORDS

        path = WORDS.get(wanted.replace("-", "_"))
        hint = f" Give --set {path}=VALUE." if path else hint
    return click.UsageError(f"No such option '{error.option_name}'.{hint}", ctx=error.ctx)
