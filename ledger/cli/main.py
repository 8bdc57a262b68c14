"""Running a command: errors as one line on stderr, and an exit code that says their kind."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

_FAILED = 1
_INTERRUPTED = 130
# Typer's own base of wrong usage, whichever Click it stands on.
_WrongUsage: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; raises only with `--debug`."""
    from ledger.cli.app import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    _be_lenient()
    try:
        code = app(given, standalone_mode=False, prog_name="python -m ledger")
        sys.stdout.flush()
    except _WrongUsage as wrong:
        return _usage(wrong)
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception as error:
        if "--debug" in given:
            raise
        return _fault(error)
    return code if isinstance(code, int) else 0


def _usage(wrong: Any) -> int:
    """A wrong command or option: what is wrong, and where the right ones are listed."""
    message = wrong.format_message()
    if type(wrong).__name__ == "NoArgsIsHelpError":  # its message is the help that is wanted
        sys.stdout.write(f"{message}\n")
        return int(wrong.exit_code)
    if not message:  # a bare command: its help is what is wanted, and already printed
        return int(wrong.exit_code)
    path = getattr(getattr(wrong, "ctx", None), "command_path", "python -m ledger")
    _complain(f"{message} Try: {path} --help")
    return int(wrong.exit_code)


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
