"""Which database the books are in: an embedded SQLite file or a server."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ledger.errors import LedgerUnavailable
from ledger.settings import Settings

_SYNCHRONOUS = ("FULL", "NORMAL", "EXTRA")


@dataclass(frozen=True, slots=True)
class Target:
    """A database address, taken apart once.

    Attributes:
        url: what SQLAlchemy connects to; its repr hides a password.
        path: the file, for SQLite; None for a server.
        synchronous: SQLite's durability: FULL loses nothing to a power cut (the default),
            NORMAL may lose the last moments to one, never to a killed process.
    """

    url: URL
    path: Path | None
    synchronous: str = "FULL"

    @property
    def name(self) -> str:
        """The address for messages, without a password."""
        if self.path:
            return str(self.path)
        plain = self.url.set(query={}, drivername="postgresql")  # options may hold secrets
        return plain.render_as_string(hide_password=True)


def locate(settings: Settings) -> Target:
    """The database of these settings.

    Raises:
        LedgerUnavailable: the URL is none, or of an engine that is not supported.
    """
    if settings.url is None:
        path = Path(os.path.realpath(settings.home / "ledger.db"))
        return Target(URL.create("sqlite+pysqlite", database=str(path)), path)
    try:
        url = make_url(settings.url)
    except (ArgumentError, ValueError):  # their text may be a part of a password
        raise LedgerUnavailable(
            "LEDGER_URL is not a database URL.",
            hint="Use e.g. sqlite:////var/lib/ledger/ledger.db or postgresql+psycopg://...",
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url)
    if backend in ("postgresql", "postgres"):
        return Target(_server(url), None)
    raise LedgerUnavailable(
        f"LEDGER_URL names the engine {backend!r}, which the ledger does not speak.",
        hint="Use sqlite or postgresql.",
    )


def _server(url: URL) -> URL:
    """The URL as SQLAlchemy takes it, with a password where nothing prints it."""
    password = url.query.get("password")
    if isinstance(password, str):
        url = url.set(password=password).difference_update_query(["password"])
    return url.set(drivername="postgresql+psycopg")


def _sqlite(url: URL) -> Target:
    if not url.database or url.database == ":memory:":
        raise LedgerUnavailable(
            "LEDGER_URL names no file: books in memory would be lost with the process.",
            hint="Use e.g. sqlite:////var/lib/ledger/ledger.db",
        )
    unknown = sorted(set(url.query) - {"synchronous"})
    if unknown or url.drivername not in ("sqlite", "sqlite+pysqlite") or url.host:
        raise LedgerUnavailable(
            f"LEDGER_URL asks for {', '.join(unknown) or url.drivername}, which is not supported.",
            hint="For SQLite use sqlite:////folder/file.db, with ?synchronous=NORMAL at most.",
        )
    if url.database.startswith(("~", "file:")):
        raise LedgerUnavailable(
            "LEDGER_URL names a file in a way that SQLAlchemy would take by the letter.",
            hint="Use a whole path, as in sqlite:////home/me/ledger.db",
        )
    wanted = url.query.get("synchronous", "FULL")
    synchronous = str(wanted).upper()
    if synchronous not in _SYNCHRONOUS:
        raise LedgerUnavailable(
            f"LEDGER_URL asks for synchronous={wanted!r}.",
            hint=f"Use one of {', '.join(_SYNCHRONOUS)}.",
        )
    # By its real name, so that all who open it find the one lock file and log beside it.
    path = Path(os.path.realpath(url.database))
    plain = URL.create("sqlite+pysqlite", database=str(path))
    return Target(plain, path, synchronous)
