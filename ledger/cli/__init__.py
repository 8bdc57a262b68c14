"""The command line: a thin mirror of `Ledger`, a command a method.

Only Typer is loaded to show `--help`; a command loads the rooms that it needs when it runs.
"""

from ledger.cli.main import run

__all__ = ["run"]
