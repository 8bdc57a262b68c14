"""What the demo must find in its own books, compared with what its server charged."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ledger import money
from ledger.cli import ecosystem

if TYPE_CHECKING:
    from ledger.client import Ledger
    from ledger.sandbox import Sandbox

_HOME_FILES = tuple(
    f"{name}_{part}.json" for name in ("api", "openrouter") for part in ("config", "data", "log")
)


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, in words, and whether it held."""

    what: str
    passed: bool


class _Note(Protocol):
    def __call__(self, what: str, *, passed: bool) -> None: ...


def look(home: Path, sandbox: "Sandbox", check: _Note) -> None:
    """Compare the books and the files with what the server saw and charged."""
    with _ledger(home) as ledger:
        totals = ledger.report("caller").totals
    charged = sum(money.to_pico(call.charged) for call in sandbox.calls)
    check(
        f"every call that the server saw is in the books: {len(sandbox.calls)}",
        passed=totals.requests == len(sandbox.calls),
    )
    check(
        f"the report's total is what the server charged: {money.usd_text(charged)} USD",
        passed=totals.total_pico == charged > 0,
    )
    check(
        "nothing is open, pending or unknown",
        passed=not (totals.open_requests or totals.pending_requests or totals.unknown_requests),
    )
    check(
        f"the provider's own digits are kept: {ecosystem.EXACT_COST}",
        passed=ecosystem.EXACT_COST in _usage_texts(home),
    )
    files = home / "api_json"
    check(
        "the home's six JSON files are written",
        passed=all((files / name).is_file() for name in _HOME_FILES),
    )


def document(folder: Path, home: Path, checks: list[Check]) -> str:
    """The demo's result as one JSON document."""
    from ledger.reports import jsonout

    with _ledger(home) as ledger:
        usage = ledger.report("caller")
    return jsonout.document(
        {
            "folder": folder,
            "database": home / "ledger.db",
            "passed": all(check.passed for check in checks),
            "checks": checks,
            "report": usage,
        }
    )


@contextlib.contextmanager
def _ledger(home: Path) -> Iterator["Ledger"]:
    """The demo's ledger, whatever LEDGER_URL the user has for their own."""
    from ledger.client import Ledger

    ledger = Ledger(home=home, url=f"sqlite:///{(home / 'ledger.db').as_posix()}", background=False)
    try:
        yield ledger
    finally:
        ledger.close()


def _usage_texts(home: Path) -> str:
    """The stored usage texts, read as anyone could."""
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as books:
        found = books.execute("SELECT usage_text FROM outcome WHERE usage_text IS NOT NULL")
        return "\n".join(text for (text,) in found)
