"""Sums that are kept beside the facts equal the facts, whatever comes in between, on any engine."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import many_calls
import pytest
from books_kit import (
    MOMENT,
    a_caller,
    a_generation,
    a_request,
    an_attempt,
    an_outcome,
    ask,
    books_at,
    opened,
)
from callkit import rows
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import clock
from ledger.books import rollups
from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.models import CallerAlias, ResponseStart

SUMS = (
    "requests, finished, failed, cancelled, interrupted, open_requests, prompt_tokens,"
    " completion_tokens, cost_pico, upstream_pico, total_pico, settled_pico, reported_pico,"
    " settled_requests, reported_requests, pending_requests, unknown_requests,"
    " not_charged_requests"
)
# What the views said before there were rollups: everything from the raw rows.
RAW = """
    SELECT {period} AS period, caller, coalesce(model, model_asked) AS model, provider,
        count(*) AS requests,
        count(CASE WHEN status = 'open' THEN 1 END) AS open_requests,
        count(CASE WHEN cost_grade = 'settled' THEN 1 END) AS settled_requests,
        count(CASE WHEN cost_grade = 'unknown' THEN 1 END) AS unknown_requests,
        count(CASE WHEN cost_grade = 'pending' THEN 1 END) AS pending_requests,
        sum(total_pico) AS total_pico, sum(prompt_tokens) AS prompt_tokens
    FROM request_status
    GROUP BY {period}, caller, coalesce(model, model_asked), provider
"""
KEYS = ("period", "caller", "model", "provider")


def _groups(found: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {
        tuple(row[key] for key in KEYS): {n: row[n] or 0 for n in row if n not in KEYS}
        for row in found
    }


def assert_as_raw(home: Path) -> None:
    """Quarters and days are what the raw rows come to, column by column."""
    minute = "substr(started_at, 1, 14) || CASE WHEN substr(started_at, 15, 2) < '15' THEN '00'"
    minute += " WHEN substr(started_at, 15, 2) < '30' THEN '15' WHEN substr(started_at, 15, 2)"
    minute += " < '45' THEN '30' ELSE '45' END || ':00.000000Z'"
    for view, column, period in (
        ("usage_quarters", "period", minute),
        ("usage_days", "day AS period", "day"),
    ):
        raw = _groups(rows(home, RAW.replace("{period}", period)))
        shown = rows(home, f"SELECT {column}, caller, model, provider, {SUMS} FROM {view}")
        names = next(iter(raw.values()), {})
        wanted = [{n: row[n] for n in (*KEYS, *names)} for row in shown]
        assert _groups(wanted) == raw, view


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with opened(tmp_path) as made:
        yield made


def marks(books: Books) -> dict[str, int]:
    return dict(ask(books.path, "SELECT period, folding FROM stale_rollup"))


def test_a_new_fact_is_marked_once_and_folded_when_its_quarter_is_over(books: Books) -> None:
    request = a_request(books)
    books.writer.write(request, an_outcome(request, cost_pico=7))
    quarter = "2026-11-23T10:00:00.000000Z"
    assert marks(books) == {quarter: 0, "2026-11-23": 0}
    assert rollups.fold(books) == 2
    assert marks(books) == {}
    assert ask(books.path, "SELECT period, total_pico FROM usage_rollup") == [(quarter, 7)]
    assert ask(books.path, "SELECT period, total_pico FROM usage_day_rollup") == [("2026-11-23", 7)]
    assert_as_raw(books.path.parent)
    assert rollups.fold(books) == 0


def test_what_is_not_over_yet_is_read_raw(books: Books) -> None:
    books.writer.write(a_request(books, started_at=clock.now()))
    assert rollups.fold(books) == 0
    assert len(marks(books)) == 2
    assert_as_raw(books.path.parent)


def test_a_late_settlement_restates_the_day_of_its_request(books: Books) -> None:
    request = a_request(books)
    books.writer.write(request, an_outcome(request, cost_pico=7, generation_id="gen-1"))
    rollups.fold(books)
    books.writer.write(a_generation(books, "gen-1", 9))
    assert len(marks(books)) == 2
    assert ask(books.path, "SELECT settled_pico FROM daily_usage") == [(9,)]
    rollups.fold(books)
    assert ask(books.path, "SELECT settled_pico FROM monthly_usage") == [(9,)]
    assert_as_raw(books.path.parent)


def test_an_attempt_that_changes_nothing_marks_nothing(books: Books) -> None:
    request = a_request(books)
    books.writer.write(request, an_outcome(request, cost_grade="pending", generation_id="gen-1"))
    rollups.fold(books)
    books.writer.write(an_attempt(books, "gen-1", "not_ready"))
    assert marks(books) == {}
    books.writer.write(an_attempt(books, "gen-1", "given_up"))
    assert len(marks(books)) == 2
    assert_as_raw(books.path.parent)


def test_all_requests_that_name_a_generation_are_marked(books: Books) -> None:
    hour = dt.timedelta(hours=1)
    first, second = a_request(books), a_request(books, started_at=MOMENT + hour)
    books.writer.write(second, an_outcome(second, cost_grade="pending", generation_id="gen-1"))
    books.writer.write(a_generation(books, "gen-1", 5))
    rollups.fold(books)
    books.writer.write(first, an_outcome(first, cost_grade="pending", generation_id="gen-1"))
    assert len([mark for mark in marks(books) if len(mark) > 10]) == 2
    assert_as_raw(books.path.parent)
    rollups.fold(books)
    assert_as_raw(books.path.parent)


def test_a_renamed_caller_is_shown_anew_without_a_fold(books: Books) -> None:
    one, other = a_caller(books, "one"), a_caller(books, "other")
    asked = [a_request(books, caller_id=caller.id) for caller in (one, other)]
    books.writer.write(one, other, *asked)
    rollups.fold(books)
    books.writer.write(
        CallerAlias(process_id=books.process.id, caller_id=one.id, at=MOMENT, name="other")
    )
    assert ask(books.path, "SELECT caller, requests FROM usage_days") == [("other", 2)]
    assert marks(books) == {}


def test_a_fact_in_the_middle_of_a_fold_is_not_lost(books: Books) -> None:
    books.writer.write(a_request(books))
    fold = rollups.Fold(books, rollups.QUARTERS, "9")
    assert fold.take() == 1
    sums = fold.sums()
    books.writer.write(a_request(books))
    assert fold.replace(sums) == 0
    assert_as_raw(books.path.parent)
    rollups.fold(books)
    assert_as_raw(books.path.parent)


def test_an_older_fold_never_ends_a_newer_one(books: Books) -> None:
    """Two fold the same quarter, with a fact between their snapshots."""
    books.writer.write(a_request(books))
    old = rollups.Fold(books, rollups.QUARTERS, "9")
    old.take()
    sums = old.sums()
    books.writer.write(a_request(books))
    new = rollups.Fold(books, rollups.QUARTERS, "9")
    new.take()
    assert old.replace(sums) == 0
    assert new.replace(new.sums()) == 1
    assert_as_raw(books.path.parent)


# --- any interleaving ---------------------------------------------------------------------


class Scene:
    """Facts that come in any order, about few requests in few quarters, and folds in steps."""

    def __init__(self, books: Books, rng: random.Random) -> None:
        self.books = books
        self.rng = rng
        self.requests: list[Any] = []
        self.ended: set[str] = set()
        self.begun: set[str] = set()
        self.settled: set[str] = set()
        self.folds: list[tuple[rollups.Fold, Any]] = []

    def act(self, action: str) -> None:
        getattr(self, action)()

    def ask(self) -> None:
        offset = dt.timedelta(minutes=self.rng.choice((0, 14, 15, 60 * 14, 60 * 24)))
        request = a_request(self.books, started_at=MOMENT + offset)
        self.requests.append(request)
        self.books.writer.write(request)

    def begin(self) -> None:
        self._about(self.begun, lambda request: ResponseStart(
            id=request.id, at=MOMENT, generation_id=self._generation()
        ))  # fmt: skip

    def end(self) -> None:
        def outcome(request: Any) -> Table:
            cost = self.rng.choice((None, 3, 50))
            grade = {"cost_grade": "pending"} if cost is None else {"cost_pico": cost}
            named = self.rng.choice((None, self._generation()))
            return an_outcome(request, generation_id=named, prompt_tokens=2, **grade)

        self._about(self.ended, outcome)

    def settle(self) -> None:
        generation_id = self._generation()
        if generation_id not in self.settled:
            self.settled.add(generation_id)
            self.books.writer.write(a_generation(self.books, generation_id, 11, model="m/served"))

    def give_up(self) -> None:
        self.books.writer.write(an_attempt(self.books, self._generation(), "given_up"))

    def take(self) -> None:
        fold = rollups.Fold(self.books, self.rng.choice((rollups.QUARTERS, rollups.DAYS)), "9")
        fold.take()
        self.folds.append((fold, None))

    def sum_up(self) -> None:
        self.folds = [(fold, fold.sums() if sums is None else sums) for fold, sums in self.folds]

    def replace(self) -> None:
        ready = [each for each in self.folds if each[1] is not None]
        if ready:
            fold, sums = self.rng.choice(ready)
            fold.replace(sums)
            self.folds.remove((fold, sums))

    def _generation(self) -> str:
        return f"gen-{self.rng.randrange(3)}"

    def _about(self, done: set[str], make: Any) -> None:
        left = [request for request in self.requests if request.id not in done]
        if left:
            request = self.rng.choice(left)
            done.add(request.id)
            self.books.writer.write(make(request))


ACTIONS = ("ask", "begin", "end", "settle", "give_up", "take", "sum_up", "replace")
_scenes = iter(range(10**6))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(ACTIONS), max_size=40), st.integers(0, 2**32))
def test_rollups_equal_the_raw_rows_after_any_interleaving(
    scenes: Path, actions: list[str], seed: int
) -> None:
    with opened(scenes / str(next(_scenes))) as books:
        books.writer.write(lambda _: None)
        scene = Scene(books, random.Random(seed))
        for action in ["ask", "ask", *actions]:
            scene.act(action)
        assert_as_raw(books.path.parent)
        rollups.fold(books)
        assert marks(books) == {}
        assert_as_raw(books.path.parent)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


# --- many calls ---------------------------------------------------------------------------

ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns")  # fmt: skip
VIEWS = {
    "daily_usage": ("day", lambda call: f"{call.started:%Y-%m-%d}"),
    "monthly_usage": ("month", lambda call: f"{call.started:%Y-%m}"),
    "caller_usage": ("caller", lambda call: call.caller),
    "model_usage": ("model", lambda call: call.model),
}


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_many_calls_add_up_to_an_independent_sum_in_any_zone(tmp_path: Path, count: int) -> None:
    calls = many_calls.booked(tmp_path, count)
    for _ in ("raw", "folded"):
        for view, (key, of) in VIEWS.items():
            sums = many_calls.summed(calls, of)
            found = rows(tmp_path, f"SELECT * FROM {view}")
            assert {row[key] for row in found} == set(sums), view
            assert not [row[key] for row in found if sums[row[key]].differs(row)], view
        quarters = rows(tmp_path, "SELECT period, requests, total_pico FROM usage_quarters")
        for name in ZONES:
            _assert_days_of(ZoneInfo(name), quarters, calls)
        with opened(tmp_path) as books:
            rollups.fold(books)
            assert marks(books) == {}


def _assert_days_of(zone: ZoneInfo, quarters: Any, calls: list[many_calls.Call]) -> None:
    """Quarters add up to the days of a zone, also those of 23, 24.5 and 25 hours; days to all."""
    sums = many_calls.summed(calls, lambda call: call.started.astimezone(zone).date())
    requests: dict[dt.date, int] = dict.fromkeys(sums, 0)
    pico: dict[dt.date, int] = dict.fromkeys(sums, 0)
    for row in quarters:
        day = clock.from_text(row["period"]).astimezone(zone).date()
        requests[day] += row["requests"]
        pico[day] += row["total_pico"]
    assert requests == {day: of.counts["requests"] for day, of in sums.items()}
    assert pico == {day: int(of.usd["total_usd"].scaleb(12)) for day, of in sums.items()}
    assert sum(requests.values()) == len(calls)


def test_a_fold_that_is_given_little_time_goes_on_the_next_time(tmp_path: Path) -> None:
    many_calls.booked(tmp_path, 300)
    books = books_at(tmp_path)
    assert rollups.fold(books, seconds=0) == 0
    assert rollups.fold(books) > 300
    books.close()
