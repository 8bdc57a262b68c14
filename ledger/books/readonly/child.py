"""The process that runs one statement: a job on stdin, the answer on stdout, line by line."""

import contextlib
import itertools
import json
import sys
from typing import Any

from ledger.books.readonly.jobs import FAILED, STOPPED, Fault, Job, Limits, pieces


def main() -> None:
    """Run the job of stdin. What goes wrong is told on stdout; the exit code says nothing."""
    job = Job.from_line(sys.stdin.buffer.readline())
    try:
        _bind(job.limits)
        _answer(job)
    except Fault as fault:
        _tell({"fault": [fault.kind, fault.said]})
    except MemoryError:
        _tell({"fault": [STOPPED, "it needs more memory than a statement may take"]})
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process has to know
        _tell({"fault": [FAILED, f"{type(error).__name__}: {error}"]})


def _answer(job: Job) -> None:
    if job.engine == "sqlite":
        from ledger.books.readonly import sqlite as engine
    else:
        from ledger.books.readonly import postgres as engine  # type: ignore[no-redef]
    with engine.answered(job) as (columns, rows):
        _tell({"columns": columns})
        left = job.limits.rows
        for piece in pieces(itertools.islice(rows, left + 1), job.limits):
            _tell({"rows": piece[:left]})
            left -= len(piece)
    _tell({"end": {"is_cut": left < 0}})


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()


def _bind(limits: Limits) -> None:
    """Let the system hold this process to its memory and to the size of its temporary files."""
    try:
        import resource
    except ImportError:  # not on Windows: SQLite's own limit holds there
        return
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.spilled),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
