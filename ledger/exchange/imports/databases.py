"""Databases that are imported, and only ever read: `llm`'s `logs.db`, and other ledgers."""

import contextlib
import datetime as dt
import os
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from ledger import clock, money, settings
from ledger.books import engine, target
from ledger.errors import ImportFailed, LedgerUnavailable
from ledger.exchange.imports import records
from ledger.exchange.imports.opening import broken
from ledger.exchange.imports.records import Amount, BadRow, Call, Fault, Record, Total
from ledger.openrouter import exact

LLM, LEDGER = "llm", "ledger"
BUCKET = "ledger:"
_PATIENCE_S = 5.0
_MANY = 1000
_TELL_EVERY = 100
_OF_OPENROUTER = "gen-"
# A newer llm writes turns, an older one responses; what it copied has one id in both.
_RESPONSES = ("turns", "responses")
_LLM_COLUMNS = (
    "id", "model", "resolved_model", "response_json", "duration_ms", "datetime_utc",
    "input_tokens", "output_tokens",
)  # fmt: skip
_CALLS = text(
    "SELECT id, started_at, caller, chain, model_asked, model, provider, status, generation_id,"
    " prompt_tokens, completion_tokens, cost_pico, total_pico, latency_ms"
    " FROM request_status ORDER BY id"
)
_OPENINGS = text(
    "SELECT id, day, caller, model, provider, breakdown, bucket, requests, tokens, declared_pico"
    " FROM usage_openings ORDER BY id"
)
_HAS_OPENINGS = "0016"


def opened(path: Path, kind: str | None) -> "LlmSource | LedgerSource":
    """A SQLite file as one of the two.

    Raises:
        ImportFailed: it is neither, or can't be read.
    """
    try:
        with contextlib.closing(_connect(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {str(name) for (name,) in rows}
    except sqlite3.Error as error:
        raise broken(path, str(error)) from error
    if kind in (None, LEDGER) and {"request", "alembic_version"} <= tables:
        return LedgerSource(f"sqlite:///{os.path.abspath(path)}")  # noqa: PTH100 - a link stays
    if kind in (None, LLM) and tables & set(_RESPONSES):
        return LlmSource(path, [name for name in _RESPONSES if name in tables])
    raise broken(path, "it is neither a ledger nor a log of llm")


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, whatever the file's own schema tries."""
    uri = f"{Path(os.path.abspath(path)).as_uri()}?mode=ro"  # noqa: PTH100 - a link stays
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


class LlmSource:
    """What `llm` logged: one call a response. It knows costs only where OpenRouter told it."""

    kind = LLM

    def __init__(self, path: Path, tables: list[str]) -> None:
        self._file = path
        self._tables = tables
        self.path = os.path.abspath(path)  # noqa: PTH100 - a link stays as given
        self.digest: str | None = None
        self.size: int | None = None
        self.last_day = clock.day_of(dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC))

    def records(self, progress: Callable[[int], None] | None = None) -> Iterator[Record]:
        """Every response, by its id, which is the order of time.

        Raises:
            ImportFailed: the file can't be read.
        """
        try:
            with contextlib.closing(_connect(self._file)) as connection:
                connection.row_factory = sqlite3.Row
                connection.text_factory = _text
                connection.execute("BEGIN")
                self.size = sum(
                    connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - of ours
                    for table in self._tables
                )
                for number, row in enumerate(self._rows(connection)):
                    if progress is not None and number % _TELL_EVERY == 0:
                        progress(number)
                    yield self._record(row)
        except sqlite3.Error as error:
            raise broken(self.path, str(error)) from error

    def _rows(self, connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
        for table in self._tables:
            found = connection.execute(f"SELECT name FROM pragma_table_info('{table}')")  # noqa: S608 - of ours
            there = {str(row[0]) for row in found}
            columns = [name for name in _LLM_COLUMNS if name in there]
            query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY id"  # noqa: S608 - names of ours
            for row in connection.execute(query):
                yield dict.fromkeys(_LLM_COLUMNS) | dict(row) | {"table": table}

    def _record(self, row: dict[str, Any]) -> Record:
        place = f"{row['table']} {row['id']}"
        try:
            return _llm_call(place, row)
        except Fault as fault:
            return BadRow(self.path, place, str(fault))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _llm_call(place: str, row: dict[str, Any]) -> Call:
    if not isinstance(row["id"], str) or not isinstance(row["datetime_utc"], str):
        raise Fault("it has no id, or no time")
    stated = row["datetime_utc"]
    response = _response(row["response_json"])
    answer_id = response.get("id")
    is_ours = isinstance(answer_id, str) and answer_id.startswith(_OF_OPENROUTER)
    usage = response.get("usage")
    usage = usage if isinstance(usage, dict) and is_ours else {}
    model = records.words(records.first(row, "resolved_model", "model"), "model")
    return Call(
        place,
        stated_at=stated if "+" in stated[10:] or stated.endswith("Z") else f"{stated}Z",
        generation_id=records.generation_id(answer_id) if is_ours else None,
        caller="llm",
        model=model.removeprefix("openrouter/") if model else None,
        prompt_tokens=records.count(_exact(row["input_tokens"]), "input_tokens"),
        completion_tokens=records.count(_exact(row["output_tokens"]), "output_tokens"),
        latency_ms=records.milliseconds(_exact(row["duration_ms"]), "duration_ms"),
        cost=records.amount(usage.get("cost"), "cost"),
        own_key=f"llm:{row['id'][:200]}",
    )


def _response(value: Any) -> dict[str, Any]:
    """The answer as it was logged; nothing where it wasn't, or is no object."""
    try:
        found = exact.loads(value) if isinstance(value, str) else {}
    except exact.NotJson:
        found = {}
    return found if isinstance(found, dict) else {}


def _exact(value: Any) -> Any:
    """A number with the digits that it is shown with: SQLite's REAL is no exact number."""
    return Decimal(repr(value)) if isinstance(value, float) else value


class LedgerSource:
    """Another ledger, a file or on a server. What it has of a call is declared here."""

    kind = LEDGER

    def __init__(self, url: str) -> None:
        try:
            self._target = target.locate(settings.resolve(url=url, environ={}))
        except LedgerUnavailable as error:
            raise ImportFailed(error.message, hint=error.hint) from error
        self.path = self._target.name
        self.digest: str | None = None
        self.size: int | None = None
        self.last_day = clock.day_of(clock.now())

    def records(self, progress: Callable[[int], None] | None = None) -> Iterator[Record]:
        """Every request, and every opening balance.

        Raises:
            ImportFailed: it can't be read.
        """
        reader = engine.reader_engine(self._target)
        try:
            with reader.connect() as connection:
                count = connection.execute(text("SELECT count(*) FROM request")).scalar_one()
                self.size = int(count)
                streamed = connection.execution_options(stream_results=True, max_row_buffer=_MANY)
                for number, row in enumerate(streamed.execute(_CALLS)):
                    if progress is not None and number % _TELL_EVERY == 0:
                        progress(number)
                    yield self._record(row._asdict())
                yield from self._openings(connection)
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", error)).splitlines()[0]
            raise broken(self.path, said) from None
        finally:
            reader.dispose()

    def _openings(self, connection: Connection) -> Iterator[Record]:
        query = text("SELECT version_num FROM alembic_version")
        if str(connection.execute(query).scalar_one()) < _HAS_OPENINGS:
            return
        for row in connection.execute(_OPENINGS):
            # A balance that came from a ledger itself keeps the name that it had there.
            is_passed_on = row.bucket.startswith(BUCKET)
            pico = int(row.declared_pico)
            yield Total(
                f"opening balance {row.id}",
                row.bucket if is_passed_on else f"{BUCKET}{row.id}",
                Amount(pico, money.usd_text(pico)),
                row.day,
                caller=row.caller,
                model=row.model,
                provider=row.provider,
                requests=row.requests,
                tokens=row.tokens,
                breakdown=row.breakdown,
            )

    def _record(self, row: dict[str, Any]) -> Record:
        place = f"request {row['id']}"
        try:
            return _ledger_call(place, row)
        except Fault as fault:
            return BadRow(self.path, place, str(fault))


def _ledger_call(place: str, row: dict[str, Any]) -> Call:
    cost, total = row["cost_pico"], row["total_pico"]
    upstream = None if cost is None or total in (None, cost) else int(total) - int(cost)
    return Call(
        place,
        stated_at=records.words(row["started_at"], "started_at") or "",
        generation_id=records.generation_id(row["generation_id"]),
        caller=records.first(row, "chain", "caller"),
        model=records.words(records.first(row, "model", "model_asked"), "model"),
        provider=records.words(row["provider"], "provider"),
        status=records.status(row["status"]),
        prompt_tokens=records.count(row["prompt_tokens"], "prompt_tokens"),
        completion_tokens=records.count(row["completion_tokens"], "completion_tokens"),
        latency_ms=records.milliseconds(row["latency_ms"], "latency_ms"),
        cost=None if cost is None else Amount(int(cost), money.usd_text(int(cost))),
        upstream=None if not upstream else Amount(upstream, money.usd_text(upstream)),
        own_key=f"request:{row['id']}",
        request_id=str(row["id"]),
    )
