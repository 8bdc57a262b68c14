"""What the books say of the calls that a provider may have charged."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger import clock
from ledger.audit.periods import Period
from ledger.books.books import Books
from ledger.books.sql_files import query
from ledger.openrouter.activity import day_or_none

UNDECIDED = ("pending", "unknown")


@dataclass(frozen=True, slots=True)
class Sum:
    """One model on one day under one key: all calls but those that cost nothing by contract."""

    day: str
    key_hash: str | None
    model: str | None
    requests: int
    cost_pico: int
    upstream_pico: int
    byok_requests: int
    undecided: int


@dataclass(slots=True)
class Booked:
    """One request, as `request_status` has it and with what else tells of its cost.

    Attributes:
        upstream_pico: what a BYOK provider charged besides; None where no cost is known.
        created_at: the start by the provider's own record, in its own text.
        extras: searches, media and the like, which no token price covers.
    """

    id: str
    started_at: dt.datetime
    day: str
    key_hash: str | None
    model: str | None
    provider: str | None
    endpoint: str
    status: str
    generation_id: str | None
    cost_grade: str
    cost_pico: int | None
    upstream_pico: int | None
    is_byok: bool | None
    ended_at: dt.datetime | None
    created_at: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    service_tier: str | None
    response_cache_source_id: str | None
    usage_text: str | None
    extras: int

    @property
    def is_undecided(self) -> bool:
        """Whether its cost is not known."""
        return self.cost_pico is None and self.cost_grade in UNDECIDED

    @property
    def provider_day(self) -> str:
        """The UTC day by the provider's record, else ours."""
        return day_or_none(self.created_at) or self.day


class Reader:
    """Reads the calls of one address of the provider.

    Args:
        books: where they are booked.
        base_url: the address.
    """

    def __init__(self, books: Books, base_url: str) -> None:
        self._books = books
        self._base_url = base_url

    def sums(self, period: Period) -> list[Sum]:
        """Credits by day, key and model."""
        days = {"first": period.first.isoformat(), "last": period.last.isoformat()}
        return [Sum(*row) for row in self._rows("reconcile_sums", **days)]

    def requests(self, day: str) -> list[Booked]:
        """The requests of one day."""
        return [_booked(row) for row in self._rows("reconcile_requests", day=day)]

    def between(self, start: dt.datetime, end: dt.datetime) -> tuple[int, int]:
        """Credits, and how many calls, that were charged after a moment and up to another."""
        times = {"start": clock.to_text(start), "end": clock.to_text(end)}
        ((cost, requests),) = self._rows("reconcile_between", **times)
        return int(cost), int(requests)

    def snapshots(self, period: Period) -> list[tuple[dt.datetime, int]]:
        """When, and at which used credits, the account was looked at."""
        times = {"start": clock.to_text(period.start), "end": clock.to_text(period.end)}
        with self._books.read() as connection:
            found = connection.execute(_query(connection, "reconcile_snapshots"), times).all()
        return [(clock.from_text(at), int(used)) for at, used in found]

    def _rows(self, name: str, **values: str) -> Iterator[Any]:
        with self._books.read() as connection:
            asked = _query(connection, name)
            yield from connection.execute(asked, {**values, "base_url": self._base_url}).all()


def _query(connection: Connection, name: str) -> Any:
    return query(name, connection.dialect.name)


def _booked(row: Any) -> Booked:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    values["started_at"] = clock.from_text(values["started_at"])
    values["ended_at"] = clock.from_text(values["ended_at"]) if values["ended_at"] else None
    values["is_byok"] = None if values["is_byok"] is None else bool(values["is_byok"])
    return Booked(**values)
