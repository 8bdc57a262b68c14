"""`python -m ledger`: the command line. The script `openrouter-ledger` is the same."""

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command and its options; those of this process if not given.

    Returns:
        The exit code: 0, 1 other, 2 usage, 3 refused, 4 books, 5 provider, 6 connection, 130
        interrupted.
    """
    from ledger.cli import run

    return run(arguments)


def _leave(code: int) -> None:
    """End the process.

    Where no ledger was opened, as for `--help`, there is nothing to close, and it ends at once:
    Python takes a seventh of the time of `--help` to take its modules apart.
    """
    if code == 0 and "ledger.client" not in sys.modules:
        sys.stdout.flush()
        os._exit(0)
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())
