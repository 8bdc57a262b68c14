"""Running a command: errors as one line on stderr, and an exit code that says their kind."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import typer

COMPLETING = "_OPENROUTER_LEDGER_COMPLETE"
"""Set by a shell's function: then the program answers with completions and does nothing else."""

_FAILED = 1
_INTERRUPTED = 130
_PROGRAM = "python -m ledger"
_EXAMPLE = "Example: "
# Typer's own base of wrong usage, whichever Click it stands on.
_WrongUsage: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; raises only with `--debug`."""
    from ledger.cli.app import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    _be_lenient()
    if COMPLETING in os.environ:
        from ledger.cli.completion import prepare

        prepare()
    try:
        with _log_lines(shown="--debug" in given):
            code = app(given, standalone_mode=False, prog_name=_PROGRAM, complete_var=COMPLETING)
        sys.stdout.flush()
    except _WrongUsage as wrong:
        return _usage(wrong, given)
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception as error:
        if "--debug" in given:
            raise
        return _fault(error)
    return code if isinstance(code, int) else 0


def _usage(wrong: Any, given: Sequence[str]) -> int:
    """A wrong command or option: what is wrong, what would be right, and where it is listed."""
    message = wrong.format_message()
    if type(wrong).__name__ == "NoArgsIsHelpError":  # its message is the help that is wanted
        sys.stdout.write(f"{message}\n")
        return int(wrong.exit_code)
    if not message:  # a bare command: its help is what is wanted, and already printed
        return int(wrong.exit_code)
    context = getattr(wrong, "ctx", None)
    path = getattr(context, "command_path", _PROGRAM)
    better = _moved(wrong, context, given) or _example_of(getattr(context, "command", None))
    _complain(" ".join(part for part in (message, better, f"Try: {path} --help") if part))
    return int(wrong.exit_code)


def _moved(wrong: Any, context: Any, given: Sequence[str]) -> str:
    """Where an option before the command belongs behind it, the words in that order."""
    option = getattr(wrong, "option_name", None)
    if option is None or context is None or context.parent is not None:
        return ""
    for place, word in enumerate(given):
        command = context.command.get_command(context, word)
        if command and any(option in param.opts for param in command.params):
            first = [each for each in given[:place] if each != option]
            return f"It goes behind the command: {' '.join((_PROGRAM, *first, word, option))}."
    return ""


def _example_of(command: Any) -> str:
    """The example in a command's help; a group's is that of another command."""
    if command is None or hasattr(command, "commands"):
        return ""
    lines = (command.help or "").splitlines()
    return next((line.strip() for line in lines if line.strip().startswith(_EXAMPLE)), "")


def _fault(error: Exception) -> int:
    """Anything else that went wrong."""
    from ledger.errors import LedgerError

    if isinstance(error, LedgerError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        _drop_output()
        return _FAILED
    _complain(f"{type(error).__name__}: {error} (--debug shows where)")
    return _FAILED


def _complain(message: str) -> None:
    """One line on stderr that no text in it can turn into more."""
    from ledger.reports.terminal import harmless

    line = " ".join(message.split())
    print(f"error: {harmless(line)}", file=sys.stderr)  # noqa: T201 - the command line's output


@contextlib.contextmanager
def _log_lines(*, shown: bool) -> Iterator[None]:
    """The ledger's log lines on stderr while a command runs, where they are wanted."""
    if not shown:
        yield
        return
    from ledger import logs

    with logs.shown_on(sys.stderr):
        yield


def _drop_output() -> None:
    """Whoever read stdout is gone: what Python would still flush there goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _be_lenient() -> None:
    """A character that a terminal's encoding lacks is written as an escape, not as a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
