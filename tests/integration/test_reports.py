"""Reading the books: views as typed rows, exact sums, tables that fit, names that do nothing."""

import datetime as dt
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from ledger import clock, money
from ledger.books.models import Caller, Outcome, Request, RequestTag
from ledger.client import Ledger
from ledger.errors import LedgerError, LedgerUnavailable, NotFoundInLedger, QuestionInvalid
from ledger.openrouter import exact
from ledger.reports import jsonout, tables
from ledger.reports.rows import RequestStatus, UsageRow
from ledger.reports.usage import table
from ledger.reports.usage.question import KEYS

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

COSTS = ("0.0004970133333333333", "1e-7", "0.1", "0.2", "0.000000000001", "3.25")


@pytest.fixture
def ledger(ledger_sandbox: "Sandbox") -> Iterator[Ledger]:
    made = Ledger()
    try:
        yield made
    finally:
        made.close()


def book(ledger: Ledger, caller: str, model: str | None, pico: int, times: int = 1) -> None:
    """Book finished calls of a cost, without a server."""
    moment = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
    process = ledger.books.process.id
    who = Caller(process_id=process, first_seen_at=moment, name=caller, folder=f"/tmp/{caller}")
    rows: list[Any] = [who]
    for _ in range(times):
        request = Request(
            process_id=process,
            caller_id=who.id,
            chain=caller,
            source="test",
            endpoint="/chat/completions",
            base_url="https://example.test",
            model_asked=model,
            started_at=moment,
            day=clock.day_of(moment),
        )
        outcome = Outcome(
            id=request.id,
            ended_at=moment,
            status="finished",
            cost_grade="reported",
            cost_pico=pico,
        )
        tag = RequestTag(request_id=request.id, key="team", value=caller)
        rows += [request, outcome, tag]
    ledger.books.writer.write(*rows)


def table_of(ledger: Ledger, by: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A report as a terminal of that width gets it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    table.show(ledger.report(by), file=screen)
    return screen.getvalue()


@pytest.mark.parametrize("by", ["day", "month", "caller", "model"])
def test_each_report_adds_up_what_the_server_charged(
    ledger: Ledger, ledger_sandbox: "Sandbox", by: str
) -> None:
    expected: dict[str | None, Decimal] = {}
    for number, cost in enumerate(COSTS):
        model, caller = f"maker/model-{number % 2}", f"caller_{number % 3}"
        ledger_sandbox.reply(model=model, cost=cost, times=1)
        ledger.get_response("Hello", model, caller)
        today = clock.day_of(clock.now())
        bucket = {"day": today, "month": today[:7], "caller": caller, "model": model}[by]
        rounded = Decimal(cost).quantize(Decimal("1e-12"))
        expected[bucket] = expected.get(bucket, Decimal(0)) + rounded
    rows = ledger.report(by)
    assert {row.bucket: Decimal(row.total_usd) for row in rows} == expected
    assert {row.bucket: money.to_usd(row.total_pico) for row in rows} == expected
    assert sum(row.requests for row in rows) == len(COSTS)
    in_order = sorted(expected, key=lambda name: (-expected[name], name))
    assert [row.bucket for row in rows] == in_order


def test_the_rows_classes_are_the_views(ledger: Ledger) -> None:
    ledger.get_response("Hello", "maker/model", "flow_x")
    with ledger.books.read() as connection:
        for view in ("daily", "monthly", "caller", "model", "member", "tag"):
            cursor = connection.exec_driver_sql(f"SELECT * FROM {view}_usage")
            columns = UsageRow.columns()
            assert tuple(cursor.keys())[1 : 1 + len(columns)] == columns
        cursor = connection.exec_driver_sql("SELECT * FROM request_status")
        assert tuple(cursor.keys()) == RequestStatus.columns()


def test_ten_thousand_tiny_costs_sum_exactly(ledger: Ledger) -> None:
    book(ledger, "flow_x", "maker/model", 100_000, times=10_000)
    with ledger.books.read() as connection:
        total = connection.exec_driver_sql("SELECT sum(cost_pico) FROM request_status").scalar_one()
    assert total == 10**9
    for by in KEYS:
        (row,) = ledger.report(by)
        assert (row.total_pico, row.total_usd) == (10**9, "0.001")
        report = exact.loads(jsonout.document(ledger.report(by)))
        assert report["totals"]["total_usd"] == Decimal("0.001")
        assert report["rows"][0]["cost_usd"] == Decimal("0.001")


def test_requests_come_typed_and_oldest_first(ledger: Ledger) -> None:
    ids = [ledger.get_response("Hello", "maker/model", "flow_x").request_id for _ in range(3)]
    rows = list(ledger.requests())
    assert [row.id for row in rows] == ids
    assert rows[0].started_at.tzinfo is not None
    assert rows[0].as_json()["started_at"].endswith("Z")
    assert rows[0].caller == "flow_x"


def test_requests_are_streamed(ledger: Ledger) -> None:
    book(ledger, "flow_x", "maker/model", 1, times=50)
    stream = ledger.requests()
    assert next(stream).status == "finished"
    stream.close()  # type: ignore[attr-defined] # a generator, to its caller an iterator


def test_a_request_is_found_by_id_by_its_beginning_and_by_generation(ledger: Ledger) -> None:
    reply = ledger.get_response("Hello", "maker/model", "flow_x")
    assert reply.generation_id
    for wanted in (reply.request_id, reply.request_id[:23], f" {reply.generation_id}\n"):
        assert ledger.show(wanted).id == reply.request_id


def test_a_beginning_that_two_requests_have_is_refused_and_names_both(ledger: Ledger) -> None:
    replies = [ledger.get_response("Hello", "maker/model", "flow_x") for _ in range(2)]
    with pytest.raises(NotFoundInLedger, match="More than one") as caught:
        ledger.show(replies[0].request_id[:8])
    assert all(reply.request_id in str(caught.value) for reply in replies)


@pytest.mark.parametrize("wanted", ["", "0", "%", "________", "gen-nothing", "' OR 1=1 --", "\x00"])
def test_what_is_not_in_the_books_is_not_found(ledger: Ledger, wanted: str) -> None:
    ledger.get_response("Hello", "maker/model", "flow_x")
    with pytest.raises(NotFoundInLedger):
        ledger.show(wanted)


def test_an_unknown_report_names_the_choices(ledger: Ledger) -> None:
    with pytest.raises(QuestionInvalid, match="hour, day, week, month, caller, member, model"):
        ledger.report("fortnight")


@pytest.mark.one_engine
def test_without_a_ledger_a_report_says_how_one_is_made(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable, match="ledger demo"):
        ledger.report("day")
    assert not ledger.settings.home.exists()


def test_a_table_fits_the_terminal_and_cuts_no_amount(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(ledger, "flow_" + "x" * 80, "maker/model", 1_234_567_000_000_000_001)
    for columns in (200, 100, 80, 60):
        shown = table_of(ledger, "caller", columns, monkeypatch)
        assert max(cell_len(line) for line in shown.splitlines()) <= columns
        assert shown.count("1234567.000000000001") >= 2
        assert "Cost pending: 0, unknown: 0" in shown.replace("\n", " ")
    (narrow, _) = table_of(ledger, "caller", 20, monkeypatch).split("Settled:")
    assert narrow.count("1234567.000000000001") == 2


def test_a_table_says_what_is_not_known(ledger: Ledger, ledger_sandbox: "Sandbox") -> None:
    with pytest.raises(LedgerError):
        ledger.get_response("Hello", "sandbox/hangup", "flow_x")
    screen = io.StringIO()
    table.show(ledger.report("day"), file=screen)
    assert "unknown: 1" in screen.getvalue()


def test_the_upstream_column_is_there_only_where_somebody_used_a_key_of_their_own(
    ledger: Ledger,
) -> None:
    ledger.get_response("Hello", "maker/model", "flow_x")
    screens = [io.StringIO(), io.StringIO()]
    table.show(ledger.report("caller"), file=screens[0])
    ledger.get_response("Hello", "sandbox/byok", "flow_x")
    table.show(ledger.report("caller"), file=screens[1])
    assert "upstream USD" not in screens[0].getvalue()
    assert "upstream USD" in screens[1].getvalue()
    assert "0.0003253" in screens[1].getvalue()


def test_no_name_acts_on_the_terminal(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    book(ledger, "a\x1b[2Jb\r\n\u202ec[bold]d[/bold]:smile:", "m\x9b31m\u2066[link=x]", 1)
    for by in ("caller", "model"):
        shown = table_of(ledger, by, 120, monkeypatch)
        assert all(character.isprintable() or character == "\n" for character in shown)
    assert "[bold]d[/bold]:smile:" in table_of(ledger, "caller", 200, monkeypatch)


def test_one_request_is_shown_with_its_exact_cost(
    ledger: Ledger, ledger_sandbox: "Sandbox"
) -> None:
    ledger_sandbox.reply(cost="0.0004970133333333333", times=1)
    reply = ledger.get_response("Hello", "maker/model", "flow_x")
    screen = io.StringIO()
    tables.request(ledger.show(reply.request_id), file=screen)
    assert "0.000497013333" in screen.getvalue()
    assert "flow_x" in screen.getvalue()


@pytest.mark.one_engine
def test_status_works_before_any_call_and_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    found = Ledger(home=home, background=False).status()
    assert (found.revision, found.key, found.requests) == (None, None, 0)
    assert any("ledger demo" in advice for advice in found.advice)
    assert any("OPENROUTER_API_KEY" in advice for advice in found.advice)
    assert not home.exists()


def test_status_counts_and_masks(ledger: Ledger, ledger_sandbox: "Sandbox") -> None:
    ledger.get_response("Hello", "maker/model", "flow_x")
    other = "sk-or-v1-" + "cd" * 32
    (ledger.settings.home / ".env").write_text(f"OPENROUTER_API_KEY={other}\n", "utf-8")
    found = ledger.status()
    assert (found.requests, found.callers, found.open_requests) == (1, 1, 0)
    assert found.revision is not None
    assert found.base_url == ledger_sandbox.base_url
    assert found.key is not None
    assert "environment" in found.key.source
    assert [place.masked for place in found.other_keys] == ["sk-or-v1-cdc...cdcd"]
    screen = io.StringIO()
    tables.status(found, file=screen)
    for text in (screen.getvalue(), repr(found), jsonout.document(found)):
        assert ledger_sandbox.key not in text
        assert other not in text
