"""The public views: every state of a request, and sums that equal an oracle's to the last digit."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pytest
from books_kit import (
    MOMENT,
    a_caller,
    a_generation,
    a_request,
    an_attempt,
    an_outcome,
    ask,
    opened,
)

from ledger import money
from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.derived import view_names

ZERO = Decimal(0)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with opened(tmp_path) as made:
        yield made


def rows_of(books: Books, view: str, where: str = "1 = 1") -> list[dict[str, Any]]:
    with books.read() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {view} WHERE {where}")
        return [dict(row) for row in found.mappings()]


def status_of(books: Books, *rows: Table) -> dict[str, Any]:
    books.writer.write(*rows)
    (found,) = rows_of(books, "request_status", f"id = '{rows[0].id}'")  # type: ignore[attr-defined]
    return found


def test_a_request_without_an_outcome_is_open_and_its_cost_unknown(books: Books) -> None:
    found = status_of(books, a_request(books, chain="a->b"))
    assert found["status"] == "open"
    assert found["cost_grade"] == "unknown"
    assert found["cost_pico"] is found["cost_usd"] is found["total_pico"] is None
    assert found["caller"] is None
    assert (found["chain"], found["day"]) == ("a->b", "2026-11-23")
    assert found["started_at"] == "2026-11-23T10:00:00.123456Z"


def test_a_finished_request_shows_its_reported_cost(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(
        request,
        cost_pico=1_234_567,
        generation_id="gen-1",
        model="maker/served",
        provider="P",
        prompt_tokens=12,
        completion_tokens=3,
        latency_ms=45,
    )
    found = status_of(books, request, outcome)
    assert (found["status"], found["cost_grade"]) == ("finished", "reported")
    assert (found["cost_pico"], found["cost_usd"]) == (1_234_567, "0.000001234567")
    assert (found["total_pico"], found["total_usd"]) == (1_234_567, "0.000001234567")
    assert (found["model_asked"], found["model"]) == ("maker/model", "maker/served")
    assert (found["prompt_tokens"], found["completion_tokens"], found["latency_ms"]) == (12, 3, 45)


def test_the_settled_cost_counts_where_both_are_known(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=100, generation_id="gen-1", prompt_tokens=10)
    generation = a_generation(
        books, "gen-1", 140, native_tokens_prompt=11, generation_time_ms=7, model="maker/other"
    )
    found = status_of(books, request, outcome, generation)
    assert (found["cost_grade"], found["cost_pico"]) == ("settled", 140)
    assert (found["prompt_tokens"], found["generation_time_ms"]) == (11, 7)
    (difference,) = rows_of(books, "cost_difference")
    assert (difference["id"], difference["reported_pico"]) == (request.id, 100)
    assert (difference["settled_pico"], difference["difference_pico"]) == (140, 40)
    assert difference["difference_usd"] == "0.00000000004"


def test_a_settled_cost_that_is_lower_differs_by_a_negative_amount(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=2 * 10**12 + 5, generation_id="gen-1")
    books.writer.write(request, outcome, a_generation(books, "gen-1", 0))
    (difference,) = rows_of(books, "cost_difference")
    assert difference["difference_usd"] == "-2.000000000005"
    assert difference["settled_usd"] == "0.0"


def test_an_equal_settled_cost_is_no_difference(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=5, generation_id="gen-1")
    books.writer.write(request, outcome, a_generation(books, "gen-1", 5))
    assert rows_of(books, "cost_difference") == []


def test_a_pending_request_is_unsettled_until_settled_or_given_up(books: Books) -> None:
    requests = [a_request(books) for _ in range(3)]
    for number, request in enumerate(requests):
        outcome = an_outcome(request, cost_grade="pending", generation_id=f"gen-{number}")
        assert status_of(books, request, outcome)["cost_grade"] == "pending"
    books.writer.write(
        an_attempt(books, "gen-1", "not_ready"), an_attempt(books, "gen-0", "failed")
    )
    waiting = {row["generation_id"]: row for row in rows_of(books, "unsettled_requests")}
    assert set(waiting) == {"gen-0", "gen-1", "gen-2"}
    assert [waiting[f"gen-{n}"]["attempts"] for n in range(3)] == [1, 1, 0]
    assert waiting["gen-1"]["last_attempt_at"] == "2026-11-23T10:00:00.123456Z"
    books.writer.write(an_attempt(books, "gen-1", "given_up"), a_generation(books, "gen-2", 9))
    assert [row["generation_id"] for row in rows_of(books, "unsettled_requests")] == ["gen-0"]
    grades = {row["id"]: row["cost_grade"] for row in rows_of(books, "request_status")}
    assert [grades[request.id] for request in requests] == ["pending", "unknown", "settled"]


def test_a_given_up_request_keeps_the_cost_that_was_reported(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=7, generation_id="gen-1")
    found = status_of(books, request, outcome, an_attempt(books, "gen-1", "given_up"))
    assert (found["cost_grade"], found["cost_pico"]) == ("reported", 7)


def test_what_was_not_charged_is_neither_asked_for_nor_summed(books: Books) -> None:
    request = a_request(books)
    outcome = an_outcome(
        request,
        status="failed",
        cost_grade="not_charged",
        generation_id="gen-1",
        error_type="rate_limited",
        error_message="slow down",
    )
    found = status_of(books, request, outcome)
    assert (found["status"], found["cost_grade"]) == ("failed", "not_charged")
    assert found["error"] == "rate_limited: slow down"
    assert found["cost_pico"] is None
    assert rows_of(books, "unsettled_requests") == []
    (day,) = rows_of(books, "daily_usage")
    assert (day["cost_pico"], day["not_charged_requests"], day["failed"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("is_byok", "total"),
    [(True, 1_000_010), (False, 10), (None, 10)],
    ids=["byok", "no", "unknown"],
)
def test_upstream_spend_is_in_the_total_only_with_an_own_key(
    books: Books, *, is_byok: bool | None, total: int
) -> None:
    request = a_request(books)
    outcome = an_outcome(request, cost_pico=10, upstream_pico=1_000_000, is_byok=is_byok)
    found = status_of(books, request, outcome)
    assert (found["cost_pico"], found["upstream_pico"]) == (10, 1_000_000)
    assert (found["total_pico"], found["total_usd"]) == (total, money.usd_text(total))


def test_generation_metrics_show_the_providers_record_with_its_request(books: Books) -> None:
    caller = a_caller(books, "flow_mbank")
    request = a_request(books, caller_id=caller.id, chain="flow_mbank")
    generation = a_generation(
        books, "gen-1", 10**12, upstream_pico=5, cache_discount_pico=-3, latency_ms=8, streamed=True
    )
    books.writer.write(
        caller, request, an_outcome(request, cost_pico=1, generation_id="gen-1"), generation
    )
    (found,) = rows_of(books, "generation_metrics")
    assert (found["id"], found["caller"], found["cost_usd"]) == (request.id, "flow_mbank", "1.0")
    assert found["cache_discount_usd"] == "-0.000000000003"
    assert (found["latency_ms"], found["streamed"]) == (8, 1)


@pytest.mark.parametrize(
    "pico",
    [0, 1, 9, 10**12 - 1, 10**12, 10**12 + 1, 2**53 - 1, 2**53 + 1, 2**63 - 1, 123_400_000_000_000],
)
def test_readable_amounts_are_exact(books: Books, pico: int) -> None:
    request = a_request(books)
    found = status_of(books, request, an_outcome(request, cost_pico=pico))
    assert found["cost_usd"] == money.usd_text(pico)
    assert Decimal(found["cost_usd"]) == money.to_usd(pico)


def test_ten_thousand_costs_of_a_ten_millionth_sum_to_a_thousandth(books: Books) -> None:
    pico = money.to_pico(Decimal("1e-7"))
    requests = [a_request(books) for _ in range(10_000)]
    outcomes = [an_outcome(request, cost_pico=pico) for request in requests]
    for start in range(0, 10_000, 1000):
        books.writer.write(*requests[start : start + 1000])
        books.writer.write(*outcomes[start : start + 1000])
    assert ask(books.path, "SELECT cost_usd, cost_pico FROM daily_usage") == [("0.001", 10**9)]
    assert ask(books.path, "SELECT total_usd, requests FROM monthly_usage") == [("0.001", 10_000)]


def test_a_sum_beyond_64_bits_is_an_error_and_never_a_wrong_figure(books: Books) -> None:
    for _ in range(2):
        request = a_request(books)
        books.writer.write(request, an_outcome(request, cost_pico=2**63 - 1))
    with pytest.raises(Exception, match=r"overflow|out of range"):
        ask(books.path, "SELECT cost_pico FROM daily_usage")


BORDERS = [
    dt.datetime(2028, 2, 28, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(2028, 2, 29, 0, 0, tzinfo=dt.UTC),
    dt.datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(2028, 3, 1, 0, 0, tzinfo=dt.UTC),
    dt.datetime(2028, 1, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(2027, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    MOMENT,
]


def _random_rows(books: Books, rng: random.Random) -> tuple[list[Table], list[dict[str, Any]]]:
    """A few hundred calls of every fate, and what an oracle knows of each."""
    callers = [a_caller(books, f"caller_{n}") for n in range(4)]
    rows: list[Table] = list(callers)
    known: list[dict[str, Any]] = []
    for number in range(400):
        caller, started = rng.choice([*callers, None]), rng.choice(BORDERS)
        request = a_request(
            books,
            caller_id=caller and caller.id,
            started_at=started,
            model_asked=rng.choice(["m/one", "m/two", None]),
        )
        rows.append(request)
        fact: dict[str, Any] = {
            "day": started.date().isoformat(),
            "month": f"{started:%Y-%m}",
            "caller": caller and caller.name,
            "model": request.model_asked,
            "status": "open",
            "grade": "unknown",
            "cost": ZERO,
            "total": ZERO,
            "tokens": 0,
        }
        known.append(fact)
        if rng.random() < 0.1:
            continue
        fact["status"] = rng.choice(["finished", "failed", "cancelled", "interrupted"])
        fact["grade"] = rng.choice(["reported", "pending", "unknown", "not_charged"])
        byok = rng.choice([True, False, None])
        cost, upstream = rng.randrange(10**15), rng.choice([None, rng.randrange(10**13)])
        tokens = rng.choice([None, rng.randrange(10**6)])
        is_reported = fact["grade"] == "reported"
        rows.append(
            an_outcome(
                request,
                status=fact["status"],
                cost_grade=fact["grade"],
                cost_pico=cost if is_reported else None,
                upstream_pico=upstream,
                is_byok=byok,
                generation_id=f"gen-{number}",
                prompt_tokens=tokens,
                model=rng.choice([None, "m/served"]),
            )
        )
        fact["model"] = rows[-1].model or fact["model"]  # type: ignore[attr-defined]
        fact["tokens"] = tokens or 0
        if fact["grade"] in ("reported", "pending") and rng.random() < 0.5:
            cost, is_reported, fact["grade"] = rng.randrange(10**15), True, "settled"
            rows.append(
                a_generation(books, f"gen-{number}", cost, upstream_pico=upstream, is_byok=byok)
            )
        elif fact["grade"] == "pending" and rng.random() < 0.5:
            fact["grade"] = "unknown"
            rows.append(an_attempt(books, f"gen-{number}", "given_up"))
        if is_reported:
            fact["cost"] = Decimal(cost).scaleb(-12)
            fact["total"] = fact["cost"] + (Decimal(upstream or 0).scaleb(-12) if byok else 0)
    return rows, known


def _summed(known: list[dict[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for fact in known:
        groups[fact[key]].append(fact)
    grades = ("settled", "reported", "pending", "unknown", "not_charged")

    def total(facts: list[dict[str, Any]], name: str) -> Decimal:
        return sum((fact[name] for fact in facts), ZERO)

    return {
        value: {
            "requests": len(facts),
            **{
                s: sum(f["status"] == s for f in facts)
                for s in ("finished", "failed", "cancelled", "interrupted")
            },
            "open_requests": sum(f["status"] == "open" for f in facts),
            "prompt_tokens": sum(f["tokens"] for f in facts),
            "cost_usd": total(facts, "cost"),
            "total_usd": total(facts, "total"),
            "upstream_usd": total(facts, "total") - total(facts, "cost"),
            "settled_usd": total([f for f in facts if f["grade"] == "settled"], "total"),
            "reported_usd": total([f for f in facts if f["grade"] == "reported"], "total"),
            **{f"{g}_requests": sum(f["grade"] == g for f in facts) for g in grades},
        }
        for value, facts in groups.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_every_usage_view_equals_an_independent_sum(books: Books, seed: int) -> None:
    rows, known = _random_rows(books, random.Random(seed))
    books.writer.write(*rows)
    views = {"daily_usage": "day", "monthly_usage": "month", "caller_usage": "caller",
             "model_usage": "model"}  # fmt: skip
    for finer in ("usage_quarters", "usage_days"):
        found = rows_of(books, finer)
        for name in ("requests", "total_pico", "pending_requests", "completion_tokens"):
            whole = sum(row[name] for row in rows_of(books, "daily_usage"))
            assert sum(row[name] for row in found) == whole, (finer, name)
    for view, key in views.items():
        oracle, found = _summed(known, key), rows_of(books, view)
        assert {row[key] for row in found} == set(oracle), view
        for row in found:
            for name, value in oracle[row[key]].items():
                exact = Decimal(row[name]) if name.endswith("_usd") else row[name]
                assert exact == value, (view, row[key], name)
            for name in ("cost", "total", "upstream", "settled", "reported"):
                assert row[f"{name}_usd"] == money.usd_text(row[f"{name}_pico"])


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        ("10:00:00.000000", "10:00"),
        ("10:14:59.999999", "10:00"),
        ("10:15:00.000000", "10:15"),
        ("10:29:59.999999", "10:15"),
        ("10:30:00.000000", "10:30"),
        ("10:45:00.000000", "10:45"),
        ("23:59:59.999999", "23:45"),
    ],
)
def test_a_request_is_in_the_quarter_of_an_hour_in_which_it_started(
    books: Books, moment: str, period: str
) -> None:
    started = dt.datetime.fromisoformat(f"2028-02-29T{moment}+00:00")
    asked = {"started_at": started, "model_asked": ""}
    books.writer.write(a_request(books, **asked), a_request(books, **asked | {"model_asked": None}))
    (found,) = rows_of(books, "usage_quarters")
    assert found["period"] == f"2028-02-29T{period}:00.000000Z"
    assert (found["requests"], found["caller"], found["model"], found["provider"]) == (
        2,
        None,
        None,
        None,
    )
    (day,) = rows_of(books, "usage_days")
    assert (day["day"], day["requests"], day["model"]) == ("2028-02-29", 2, None)


def test_every_pico_has_a_readable_amount_beside_it(books: Books) -> None:
    books.writer.write(a_request(books))
    for view in view_names("sqlite"):
        names, _ = engines.read(books.path.parent, f"SELECT * FROM {view} LIMIT 0")
        assert names, view
        for name in names:
            if name.endswith("_pico"):
                assert f"{name.removesuffix('_pico')}_usd" in names, f"{view}.{name}"


def test_the_public_columns_of_request_status_are_all_there(books: Books) -> None:
    books.writer.write(a_request(books))
    promised = (
        "id, started_at, day, caller, chain, source, endpoint, model_asked, model, provider,"
        " status, generation_id, prompt_tokens, completion_tokens, cost_pico, upstream_pico,"
        " total_pico, cost_grade, latency_ms, generation_time_ms, error"
    )
    ask(books.path, f"SELECT {promised} FROM request_status")


@pytest.mark.one_engine  # a server plans by how much is there
def test_one_request_is_looked_up_without_going_through_a_whole_table(books: Books) -> None:
    books.writer.write(a_request(books))
    plan = ask(books.path, "EXPLAIN QUERY PLAN SELECT * FROM request_status WHERE id = 'x'")
    assert plan
    assert not [step[-1] for step in plan if str(step[-1]).startswith("SCAN")]
