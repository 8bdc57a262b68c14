"""Many calls of eighteen months by a seed, booked fast on either engine, and an independent sum.

The calls are over when they are made: each is a `Call`, which knows what a provider would have
charged as the exact text of a price, and the rows that a ledger would have of it. What `Sums` adds
up are Decimals of the calls, never rows: it knows nothing of picodollars, joins and grades' SQL.
"""

import contextlib
import datetime as dt
import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import engines
from books_kit import opened

# Eighteen months with a leap day, two changes to summer time and two back, and a turn of years.
FIRST, LAST = dt.datetime(2023, 9, 1, tzinfo=dt.UTC), dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
CALLERS, MODELS = 20, 5
STATUSES = ("finished", "failed", "cancelled", "interrupted", "open")
GRADES = ("settled", "reported", "pending", "unknown", "not_charged")
ZERO = Decimal(0)

_PICO = Decimal("1e-12")
_PROVIDERS = ("Alpha", "Beta", None)
# Prices at which rounding to 1e-12 USD goes up, down, to even, and to nothing.
_EDGES = (
    "0.0000000000005",
    "0.0000000000015",
    "0.00000000000149999999999999999999",
    "0.0000000000025000000000000000001",
    "0",
    "0.00000000000000000001",
    "12.3456789012345",
)
# The first and the last moment of a day; the hours in which clocks of Europe and America change.
_BORDERS = ("00:00:00.000000", "23:59:59.999999", "00:59:59.999999", "01:00:00.000000",
            "06:59:59.999999", "07:00:00.000000", "18:14:59.999999", "18:15:00.000000")  # fmt: skip

_COLUMNS = {
    "request": (
        "id, process_id, caller_id, chain, source, endpoint, base_url, model_asked, started_at, day"
    ),
    "outcome": (
        "id, ended_at, status, latency_ms, generation_id, model, provider, prompt_tokens,"
        " completion_tokens, cost_pico, upstream_pico, is_byok, cost_grade"
    ),
    "response_start": "id, at, generation_id",
    "generation": (
        "id, process_id, settled_at, generation_id, cost_pico, upstream_pico, is_byok, cost_text,"
        " model, provider, native_tokens_prompt, native_tokens_completion"
    ),
    "settlement_attempt": "id, process_id, request_id, generation_id, at, result",
}

Row = tuple[str, tuple[Any, ...]]


class Call(NamedTuple):
    """One call as an oracle knows it. Amounts are USD, None where nobody knows them.

    Attributes:
        started: when it started; `model` is the one that counts: served, else asked for.
        cost: charged as credits; `total` counts a provider's own charge where its key was used.
    """

    id: str
    started: dt.datetime
    caller: str
    model: str
    provider: str | None
    status: str
    grade: str
    cost: Decimal | None
    total: Decimal | None
    prompt_tokens: int
    completion_tokens: int


def made(count: int, seed: int = 1) -> Iterator[tuple[Call, list[Row]]]:
    """So many calls, oldest first, each with its rows by table: parents first."""
    rng = random.Random(seed)
    step = (LAST - FIRST) / count
    for number in range(count):
        started = FIRST + step * number + step * rng.random()
        if number % 29 == 0:
            clock = dt.time.fromisoformat(rng.choice(_BORDERS))
            started = dt.datetime.combine(started.date(), clock, dt.UTC)
        yield _call(rng, number, started)


def caller_name(number: int) -> str:
    return f"flow_{number:02}"


def _call(rng: random.Random, number: int, started: dt.datetime) -> tuple[Call, list[Row]]:
    id_ = _id(started, number)
    caller, asked = rng.randrange(CALLERS), f"maker/model-{rng.randrange(MODELS)}"
    served = rng.choice((asked, asked, None))
    status = rng.choices(STATUSES, (85, 6, 3, 3, 3))[0]
    grade = rng.choices(GRADES, (70, 14, 5, 5, 6))[0]
    if status == "open":
        grade = rng.choice(("unknown", "pending"))
    known = grade in ("settled", "reported")
    text, byok = _price(rng), known and rng.random() < 0.05
    upstream = _price(rng) if byok else None
    cost = _rounded(text) if known else None
    total = None if cost is None else cost + (ZERO if upstream is None else _rounded(upstream))
    provider = rng.choice(_PROVIDERS) if status != "open" else None
    tokens = (rng.randrange(10**4), rng.randrange(10**4)) if status != "open" else (0, 0)
    call = Call(
        id_, started, caller_name(caller), (served if status != "open" else None) or asked,
        provider, status, grade, cost, total, *tokens,
    )  # fmt: skip
    return call, _rows(rng, call, _Told(caller, asked, served, text, upstream))


class _Told(NamedTuple):
    """What the rows say beside what counts: who, models by name, prices as text."""

    caller: int
    asked: str
    served: str | None
    text: str
    upstream: str | None


def _rows(rng: random.Random, call: Call, told: _Told) -> list[Row]:
    caller, asked, served, text, upstream = told
    at, generation_id = _text(call.started), f"gen-{call.id}"
    name = call.caller
    request = (call.id, "process", f"caller-{caller:02}", name, "test", "chat",
               "https://example.test", asked, at, at[:10])  # fmt: skip
    rows: list[Row] = [("request", request)]
    if call.status == "open":
        if call.grade == "pending":
            rows.append(("response_start", (call.id, at, generation_id)))
        return rows
    given_up = call.grade == "unknown" and rng.random() < 0.5
    first = {"settled": rng.choice(("pending", "reported")), "unknown": "pending"}
    booked = call.grade if call.grade == "unknown" and not given_up else first.get(call.grade)
    booked = booked or call.grade
    reported = _pico(text) if call.grade == "reported" else rng.randrange(10**9)
    has_id = booked in ("pending", "reported")
    byok = 1 if upstream is not None else 0
    rows.append((
        "outcome",
        (call.id, at, call.status, rng.randrange(10**5), generation_id if has_id else None, served,
         call.provider, call.prompt_tokens, call.completion_tokens,
         reported if booked == "reported" else None, upstream and _pico(upstream), byok, booked),
    ))  # fmt: skip
    # Most are settled soon, some days or months later.
    late = dt.timedelta(seconds=rng.choice((20, 20, 20, 3_000, 90_000, 6_000_000)))
    settled_at, other = _text(call.started + late), _id(call.started + late, rng.getrandbits(60))
    if call.grade == "settled":
        rows.append((
            "generation",
            (other, "process", settled_at, generation_id, _pico(text), upstream and _pico(upstream),
             byok, text, served, call.provider, call.prompt_tokens, call.completion_tokens),
        ))  # fmt: skip
    if given_up:
        attempt = (other, "process", call.id, generation_id, settled_at, "given_up")
        rows.append(("settlement_attempt", attempt))
    return rows


def _price(rng: random.Random) -> str:
    """The exact text of an amount in USD."""
    if rng.random() < 0.02:
        return rng.choice(_EDGES)
    digits = rng.choice((7, 10, 14))
    return f"0.{rng.randrange(10 ** min(digits, 8)):0{digits}}"


def _rounded(text: str) -> Decimal:
    return Decimal(text).quantize(_PICO, ROUND_HALF_EVEN)


def _pico(text: str) -> int:
    return int(_rounded(text).scaleb(12))


def _text(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _id(moment: dt.datetime, number: int) -> str:
    digits = f"{int(moment.timestamp() * 1000):012x}7{number & 0xFFF:03x}{number + (2 << 62):016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# --- the independent sum ------------------------------------------------------------------


class Sums:
    """What the calls of one group come to; the columns of the usage views, as Decimal USD."""

    __slots__ = ("counts", "usd")

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.usd: dict[str, Decimal] = defaultdict(Decimal)

    def add(self, call: Call) -> None:
        counts, usd = self.counts, self.usd
        counts["requests"] += 1
        counts["open_requests" if call.status == "open" else call.status] += 1
        counts[f"{call.grade}_requests"] += 1
        counts["prompt_tokens"] += call.prompt_tokens
        counts["completion_tokens"] += call.completion_tokens
        if call.cost is not None and call.total is not None:
            usd["cost_usd"] += call.cost
            usd["total_usd"] += call.total
            usd["upstream_usd"] += call.total - call.cost
            usd[f"{call.grade}_usd"] += call.total

    def differs(self, row: Any) -> dict[str, tuple[Any, Any]]:
        """Where a row (a mapping of a view's columns) is not what it should be, by column."""
        names = [name for name in row if name.endswith(("_usd", "requests", "_tokens"))]
        found = {
            name: (Decimal(row[name]), self.usd[name])
            if name.endswith("_usd")
            else (int(row[name]), self.counts[name])
            for name in [*names, *STATUSES[:4]]
        }
        return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def summed(calls: Iterable[Call], key: Callable[[Call], Any]) -> dict[Any, Sums]:
    """The calls in groups, each added up."""
    found: dict[Any, Sums] = defaultdict(Sums)
    for call in calls:
        found[key(call)].add(call)
    return dict(found)


# --- booking ------------------------------------------------------------------------------


def book(home: Path, calls: Iterable[tuple[Call, list[Row]]], batch: int = 5_000) -> Iterator[Call]:
    """Book calls into the ledger of a home, many at once, and hand each on. Exhaust it."""
    with opened(home) as books:
        books.writer.write(lambda _: None)
    with contextlib.closing(_connect(home)) as connection:
        _insert(connection, "process", "id, first_seen_at", [("process", _text(FIRST))])
        callers = [
            (f"caller-{n:02}", "process", _text(FIRST), caller_name(n), f"/folder/{n}")
            for n in range(CALLERS)
        ]
        _insert(connection, "caller", "id, process_id, first_seen_at, name, folder", callers)
        waiting = iter(calls)
        while some := list(islice(waiting, batch)):
            by_table: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}
            for _, rows in some:
                for table, values in rows:
                    by_table[table].append(values)
            connection.execute("BEGIN")
            for table, found in by_table.items():
                _insert(connection, table, _COLUMNS[table], found)
            connection.execute("COMMIT")
            yield from (call for call, _ in some)


def booked(home: Path, count: int, seed: int = 1) -> list[Call]:
    """Book so many calls into the ledger of a home, and return them."""
    return list(book(home, made(count, seed)))


def _connect(home: Path) -> Any:
    server = engines.server()
    if server is not None:
        return server.connect(engines.database_of(home))
    connection = sqlite3.connect(home / "ledger.db", isolation_level=None, timeout=60)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _insert(connection: Any, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    if isinstance(connection, sqlite3.Connection):
        marks = ", ".join("?" * (columns.count(",") + 1))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        return
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
