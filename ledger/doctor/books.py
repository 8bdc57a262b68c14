"""Whether the books are whole: their schema, their pages, their references, their rules."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.books import derived, faults, migrate
from ledger.doctor.findings import Finding, Patient

_RESTORE = "Restore the latest copy from the folder `backups` beside it."
_UPGRADE = "python -m ledger upgrade"
_LISTED = 3


def schema(patient: Patient) -> Iterator[Finding]:
    """Whether this version can work with the file, or it is somebody else's, or damaged.

    Raises:
        LedgerUnavailable: it is no ledger, or can't be read; says why.
    """
    revision, name = patient.books.revision, patient.books.target.name
    where = f"The ledger at {name}"
    if revision is None and patient.path is None:
        yield Finding("schema", "warn", f"There is no ledger in {name} yet.", _UPGRADE)
    elif revision is None:
        cure = "python -m ledger demo, or a first call"
        yield Finding("schema", "ok", f"There is no ledger at {name} yet.", cure)
    elif revision == migrate.HEAD:
        yield Finding("schema", "ok", f"{where} has the newest schema, {revision}.")
    elif migrate.is_known(revision):
        then = "no call is made before" if patient.path is None else "the next call upgrades it"
        says = f"{where} has the older schema {revision}; {then}."
        yield Finding("schema", "warn", says, _UPGRADE)
    else:
        says = f"{where} has the schema {revision}, which this version does not know."
        cure = "A newer version of openrouter-ledger wrote it: install that one."
        yield Finding("schema", "fail", says, cure)


def structure(patient: Patient) -> Iterator[Finding]:
    """SQLite's own check of every page and index."""
    if patient.path is None or not _has_tables(patient):
        return
    found = [str(row[0]) for row in _ask(patient.path, f"PRAGMA quick_check({_LISTED})")]
    if found == ["ok"]:
        yield Finding("structure", "ok", "Every page of the file is whole.")
    else:
        yield Finding("structure", "fail", f"The file is damaged: {'; '.join(found)}.", _RESTORE)


def references(patient: Patient) -> Iterator[Finding]:
    """Whether every row that another points to is there."""
    if patient.path is None or not _has_tables(patient):
        return
    broken = _ask(patient.path, "PRAGMA foreign_key_check")
    if not broken:
        yield Finding("references", "ok", "Every reference leads to a row.")
        return
    tables = ", ".join(sorted({f"{row[0]} to {row[2]}" for row in broken})[:_LISTED])
    says = f"{len(broken)} references lead nowhere: from {tables}."
    yield Finding("references", "fail", says, _RESTORE)


def rules(patient: Patient) -> Iterator[Finding]:
    """Whether the triggers that refuse changes and the views are as this version made them."""
    if patient.path is None or not patient.has_books:
        return
    found = {
        str(row[0]) for row in _ask(patient.path, "SELECT sql FROM sqlite_master WHERE sql NOTNULL")
    }
    names = [" ".join(each.split()[:3]) for each in derived.statements("sqlite")
             if each.strip() not in {sql.strip() for sql in found}]  # fmt: skip
    if not names:
        yield Finding("rules", "ok", "All views and the triggers that refuse changes are there.")
        return
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    says = f"Somebody changed the schema by hand: {len(names)} rules are missing: {listed}."
    yield Finding("rules", "fail", says, _RESTORE)


def _has_tables(patient: Patient) -> bool:
    return patient.books.revision is not None


def _ask(path: Path, sql: str) -> list[Any]:
    """A question to the file, which may be damaged, on a connection that can't write.

    Raises:
        LedgerUnavailable: SQLite can't read it; says why.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
            reader.execute("PRAGMA trusted_schema=OFF")
            return reader.execute(sql).fetchall()
    except sqlite3.Error as error:
        raise faults.unavailable(error, str(path)) from error
