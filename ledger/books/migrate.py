"""Making and upgrading the schema: one winner, one transaction, a file's verified backup first."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger.books import faults, postgres_schema, sqlite_schema
from ledger.books.target import Target
from ledger.errors import LedgerError, LedgerTooNew, MigrationFailed, UpgradeRequired

HEAD = "0020"
"""The newest revision: known without loading Alembic; a test compares it with the scripts."""

_PACKAGE = Path(__file__).parents[1]
# Alembic's environment is global to the process, so one upgrade at a time.
_one_at_a_time = threading.Lock()
before_fork, after_fork = _one_at_a_time.acquire, _one_at_a_time.release


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did: revisions from and to (None: no schema), and the backup's path."""

    before: str | None
    after: str
    backup: Path | None


def scripts() -> Path:
    """The folder of the migration scripts: in the wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "migrations"
    return inside if inside.is_dir() else _PACKAGE.parent / "migrations"


@contextlib.contextmanager
def exclusive(target: Target) -> Iterator[None]:
    """Be the only upgrade of a ledger in this process; of a file, also its only writer.

    Raises:
        LedgerUnavailable: the file or its folder can't be written.
        LedgerBusy: another process held the lock for 60 s.
    """
    with _one_at_a_time:
        if target.path is None:  # there, the transaction itself waits for others
            yield
            return
        with sqlite_schema.exclusive(target):
            yield


@contextlib.contextmanager
def transaction(target: Target) -> Iterator[Connection]:
    """One transaction for a whole upgrade: views and triggers dropped before, made after.

    The caller is `exclusive`. Raises what the database raises, after undoing everything.
    """
    from ledger.books import derived

    schema = sqlite_schema if target.path is not None else postgres_schema
    with schema.transaction(target) as connection:
        derived.drop(connection)
        yield connection
        derived.create(connection)


def require(connection: Connection, target: Target) -> None:
    """Be content with a server's schema of the newest revision only.

    Raises:
        UpgradeRequired: there is none yet, or an older one.
        LedgerTooNew: a newer version made it.
        LedgerUnavailable: it can't be read.
    """
    try:
        found = postgres_schema.revision_of(connection, target)
    except SQLAlchemyError as error:
        raise faults.unavailable(error, target.name) from faults.shown(error)
    if found == HEAD:
        return
    if found is None:
        raise UpgradeRequired(
            f"There is no ledger in {target.name} yet.",
            hint="Make it, once: python -m ledger upgrade",
        )
    _head(scripts(), found)
    raise UpgradeRequired(
        f"The ledger in {target.name} has revision {found}, and this version needs {HEAD}.",
        hint="Back it up with pg_dump, then run: python -m ledger upgrade",
    )


def upgrade(target: Target, script_location: Path | None = None) -> Upgrade:
    """Bring a ledger to the newest schema; of many at once, one does it.

    Args:
        target: where the ledger is.
        script_location: the migration scripts; the package's own if not given.

    Raises:
        LedgerTooNew: a newer version wrote it.
        MigrationFailed: a migration failed; the ledger is as it was.
        LedgerUnavailable: the file or its folder can't be written, the server not be reached.
    """
    scripts_at = script_location or scripts()
    with exclusive(target):
        if target.path is None:
            return _upgrade_server(target, scripts_at)
        before = sqlite_schema.revision_of(target.path)
        head = _head(scripts_at, before)
        if before == head:
            return Upgrade(before, head, None)
        saved = sqlite_schema.save(target.path, before) if before is not None else None
        with _explained(target), transaction(target) as connection:
            _migrate(connection, scripts_at)
        return Upgrade(before, head, saved)


def _upgrade_server(target: Target, scripts_at: Path) -> Upgrade:
    """Look and change in the one transaction that others wait for."""
    from ledger.books import derived

    with _explained(target), postgres_schema.transaction(target) as connection:
        before = postgres_schema.revision_of(connection, target)
        head = _head(scripts_at, before)
        if before != head:
            derived.drop(connection)
            _migrate(connection, scripts_at)
            derived.create(connection)
    return Upgrade(before, head, None)


def _migrate(connection: Connection, scripts_at: Path) -> None:
    """Run the migrations in an open transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts_at).replace("%", "%%"))
    chatter = logging.getLogger("alembic")
    if chatter.level == logging.NOTSET:  # a first call is no news for the user's log
        chatter.setLevel(logging.WARNING)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextlib.contextmanager
def _explained(target: Target) -> Iterator[None]:
    """Say whether it was the file, the server or the migration that failed."""
    try:
        yield
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001 - a migration may raise anything
        if faults.is_of_the_place(error):
            raise faults.unavailable(error, target.name) from faults.shown(error)
        raise _failed(target, error) from faults.shown(error)


def _failed(target: Target, error: Exception) -> MigrationFailed:
    said = faults.shown(error)
    return MigrationFailed(
        f"The upgrade of {target.name} failed ({type(error).__name__}: {said}); nothing was"
        " changed.",
        hint="Report this with the message above; the ledger can be used with the old version.",
    )


def is_known(revision: str) -> bool:
    """Whether this version has the migrations that lead to a revision, and from it on."""
    return revision in _revisions(scripts())


def _revisions(scripts_at: Path) -> set[str]:
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts_at))
    return {script.revision for script in directory.walk_revisions()}


def _head(scripts_at: Path, before: str | None) -> str:
    """The newest revision of the scripts, once it's sure that they know the file's own."""
    if before == HEAD and scripts_at == scripts():
        return HEAD
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts_at))
    if before is not None and before not in _revisions(scripts_at):
        raise LedgerTooNew(
            f"The ledger has revision {before}, which this version does not know.",
            hint="A newer version of openrouter-ledger wrote it: install that one.",
        )
    return str(directory.get_current_head())
