"""The list of all checks, run one after another; none can keep the others from being run."""

from collections.abc import Iterator
from typing import Protocol

from ledger.books import migrate
from ledger.books.books import Books
from ledger.calls.admission import Desk
from ledger.doctor import books, clocks, disk, engine, files, key, pending, surroundings
from ledger.doctor.findings import LEVELS, Check, Diagnosis, Finding, Patient
from ledger.errors import LedgerError
from ledger.settings import Settings

CHECKS: tuple[Check, ...] = (
    engine.software,
    disk.kinds,
    disk.file_system,
    disk.space,
    disk.permissions,
    books.schema,
    books.structure,
    books.references,
    books.rules,
    files.config_files,
    files.json_files,
    key.api_key,
    clocks.clock,
    pending.requests,
    surroundings.proxies,
    surroundings.certificates,
)
"""In the order in which they are shown: what others stand on comes first."""


class Opened(Protocol):
    """What is asked of a ledger here."""

    settings: Settings
    books: Books
    desk: Desk


def examine(ledger: Opened, *, offline: bool = False) -> Diagnosis:
    """Run every check. Changes nothing, also where the books are damaged or somebody else's.

    Args:
        ledger: whose books, home and key are looked at.
        offline: ask nobody over the network.
    """
    patient = Patient(
        ledger.settings, ledger.books, ledger.desk, offline, has_books=_has_books(ledger.books)
    )
    found = tuple(finding for check in CHECKS for finding in _guarded(check, patient))
    return Diagnosis(max((each.level for each in found), key=LEVELS.index), found)


def _has_books(found: Books) -> bool:
    """Whether the views can be asked: opening an older ledger would upgrade it."""
    try:
        return found.revision == migrate.HEAD
    except (LedgerError, OSError):
        return False


def _guarded(check: Check, patient: Patient) -> Iterator[Finding]:
    """A check's findings; what it raises is one of them."""
    name = check.__name__.replace("_", " ")
    try:
        yield from check(patient)
    except LedgerError as error:
        yield Finding(name, "fail", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a doctor that falls ill says so
        says = f"it could not be found out: {type(error).__name__}: {error}"
        yield Finding(name, "fail", says, "Report this, with the line above.")
