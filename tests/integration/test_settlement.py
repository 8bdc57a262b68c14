"""Settling against a local OpenRouter: what is booked, what waits, what is given up."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pytest
from freezegun import freeze_time

from ledger.client import Ledger
from ledger.errors import LedgerError
from ledger.sandbox import Sandbox
from ledger.settlement.schedule import Schedule
from ledger.settlement.settler import Settler

KEY = "sk-or-v1-" + "ab" * 32
OTHER_KEY = "sk-or-v1-" + "cd" * 32
UTC = dt.UTC


@pytest.fixture(scope="module")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(_server: Sandbox) -> Sandbox:
    _server.reset()
    return _server


@pytest.fixture
def books(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    ledger = Ledger(
        home=tmp_path / "home", base_url=sandbox.base_url, api_key=KEY, background=False
    )
    yield ledger
    ledger.close()


def call(ledger: Ledger, model: str = "openai/gpt-4o-mini") -> None:
    with suppress(LedgerError):
        ledger.get_response("Hello", model=model, caller="flow_test")


def rows(ledger: Ledger, sql: str, *params: Any) -> list[Any]:
    with ledger.books.read() as connection:
        return list(connection.exec_driver_sql(sql, params))


def results(ledger: Ledger) -> list[str]:
    return [row[0] for row in rows(ledger, "SELECT result FROM settlement_attempt ORDER BY id")]


def book_id(ledger: Ledger, generation_id: str, **fields: Any) -> None:
    """A finished request with an id that this test chose."""
    from ledger import clock
    from ledger.books.models import Outcome, Request

    now = clock.now()
    values: dict[str, Any] = {
        "process_id": ledger.books.process.id,
        "source": "get_response",
        "endpoint": "chat/completions",
        "base_url": ledger.desk.base_url(ledger.desk.rules()),
        "started_at": now,
        "day": clock.day_of(now),
    }
    request = Request(**(values | fields))
    outcome = Outcome(
        id=request.id,
        ended_at=now,
        status="finished",
        generation_id=generation_id,
        cost_grade="pending",
    )
    ledger.books.writer.write(request, outcome)


def test_the_settled_cost_is_booked_to_the_last_digit(sandbox: Sandbox, books: Ledger) -> None:
    call(books, "sandbox/settled-0.0004970133333333333")
    report = books.settle()
    assert (report.settled, report.pending, report.stopped) == (1, (), None)
    assert rows(books, "SELECT cost_text, cost_pico FROM generation") == [
        ("0.0004970133333333333", 497_013_333)
    ]
    [(grade, cost, usd)] = rows(books, "SELECT cost_grade, cost_pico, cost_usd FROM request_status")
    assert (grade, cost, Decimal(usd)) == ("settled", 497_013_333, Decimal("0.000497013333"))


def test_a_request_without_usage_is_pending_until_it_is_settled(
    sandbox: Sandbox, books: Ledger
) -> None:
    sandbox.configure(generation_delay_s=0.4)
    call(books, "sandbox/no-usage")
    first = books.settle()
    assert (first.settled, first.not_ready) == (0, 1)
    assert [each.generation_id for each in first.pending] == [sandbox.calls[0].generation_id]
    assert first.pending[0].caller == "flow_test"
    assert rows(books, "SELECT cost_grade, cost_pico FROM request_status") == [("pending", None)]
    threading.Event().wait(0.5)
    assert books.settle().settled == 1
    grade, pico = rows(books, "SELECT cost_grade, cost_pico FROM request_status")[0]
    assert grade == "settled"
    assert Decimal(pico) == sandbox.spent.scaleb(12)
    attempts = rows(books, "SELECT result, http_status FROM settlement_attempt ORDER BY id")
    assert attempts == [("not_ready", 404), ("settled", 200)]


def test_a_settled_figure_that_differs_counts_and_is_shown(sandbox: Sandbox, books: Ledger) -> None:
    call(books, "sandbox/cost-0.001,settled-0.0025")
    before = rows(books, "SELECT cost_grade, cost_pico FROM request_status")
    assert before == [("reported", 10**9)]
    books.settle()
    after = rows(books, "SELECT cost_grade, cost_pico FROM request_status")
    assert after == [("settled", 2_500_000_000)]
    difference = rows(
        books, "SELECT reported_pico, settled_pico, difference_pico FROM cost_difference"
    )
    assert difference == [(10**9, 2_500_000_000, 1_500_000_000)]


def test_what_was_never_charged_is_not_asked_for_and_what_has_no_id_is_listed(
    sandbox: Sandbox, books: Ledger
) -> None:
    call(books, "sandbox/error-402")
    call(books, "sandbox/hangup")
    report = books.settle()
    assert results(books) == []
    assert [(each.generation_id, each.status) for each in report.unknown] == [(None, "interrupted")]


def test_a_bad_id_starves_no_other(sandbox: Sandbox, books: Ledger) -> None:
    book_id(books, "gen-nobody-knows")
    sandbox.fail(502, endpoint="generation", times=1)
    sandbox.fail(403, endpoint="generation", times=1)
    book_id(books, "gen-forbidden")
    call(books)
    seen: list[tuple[int, int]] = []
    report = books.settle(lambda done, total: seen.append((done, total)))
    assert (report.settled, report.failed) == (1, 2)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    again = books.settle()
    assert (again.settled, again.not_ready) == (0, 2)
    assert results(books) == ["failed", "failed", "settled", "not_ready", "not_ready"]
    errors = rows(books, "SELECT error FROM settlement_attempt WHERE result = 'failed' ORDER BY id")
    assert [row[0][:24] for row in errors] == [
        "OpenRouter answered 502:",
        "OpenRouter answered 403:",
    ]


def test_an_id_that_two_requests_name_is_fetched_once(sandbox: Sandbox, books: Ledger) -> None:
    call(books)
    generation_id = sandbox.calls[0].generation_id
    assert generation_id is not None
    book_id(books, generation_id)
    assert books.settle().settled == 1
    assert results(books) == ["settled"]
    grades = rows(books, "SELECT cost_grade FROM request_status")
    assert sorted(grades) == [("settled",), ("unknown",)]  # one record is one charge


def test_a_limit_of_requests_ends_the_round_and_says_how_long(
    sandbox: Sandbox, books: Ledger
) -> None:
    for _ in range(3):
        call(books)
    sandbox.fail(429, endpoint="generation", times=1)
    report = books.settle()
    assert results(books) == ["failed"]
    assert report.stopped is not None
    assert "429" in report.stopped
    assert report.retry_after_s == 7
    assert len(report.pending) == 3
    assert books.settle().settled == 3


def test_a_refused_key_ends_the_round_and_is_never_repeated(
    sandbox: Sandbox, books: Ledger
) -> None:
    call(books)
    call(books)
    sandbox.configure(refused_keys={KEY})
    report = books.settle()
    assert report.stopped is not None
    assert "401" in report.stopped
    assert KEY not in repr(report)
    assert results(books) == ["failed"]


def test_watching_ends_where_the_key_is_refused(sandbox: Sandbox, books: Ledger) -> None:
    call(books)
    sandbox.configure(refused_keys={KEY})
    settler = Settler(books.books, books.desk, Schedule((0.05, 0.1)))
    report = settler.watch()
    assert report.stopped is not None
    assert len(report.pending) == 1


def test_no_connection_ends_the_round(books: Ledger, tmp_path: Path) -> None:
    call(books)
    elsewhere = "http://127.0.0.1:9"
    alone = Ledger(home=tmp_path / "home", base_url=elsewhere, api_key=KEY, background=False)
    try:
        book_id(alone, "gen-1")
        book_id(alone, "gen-2")
        report = alone.settle()
    finally:
        alone.close()
    assert report.stopped is not None
    assert "could not be reached" in report.stopped
    assert (report.failed, report.skipped) == (1, 1)


def test_the_key_goes_to_no_host_that_a_row_names(sandbox: Sandbox, books: Ledger) -> None:
    call(books)
    with Sandbox() as foreign:
        book_id(books, "gen-elsewhere", base_url=foreign.base_url)
        foreign.fail(500, endpoint="generation", times=1)
        report = books.settle()
        left = foreign.state.take_plan("generation")
    assert left is not None, "the other host was asked"
    assert (report.settled, report.skipped) == (1, 1)
    assert [each.generation_id for each in report.pending] == ["gen-elsewhere"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html></html>",
        "[]",
        '{"data": {}}',
        '{"data": {"id": "gen-other", "total_cost": 1}}',
        '{"data": {"id": "gen-x", "total_cost": "1"}}',
        '{"data": {"id": "gen-x", "total_cost": -1}}',
        '{"data": {"id": "gen-x", "total_cost": NaN}}',
        '{"data": {"id": "gen-x", "total_cost": 1' + " " * 1_100_000 + "}}",
    ],
)
def test_an_answer_that_is_no_record_books_no_generation(
    books: Ledger, tmp_path: Path, text: str
) -> None:
    ledger = Ledger(home=tmp_path / "home", base_url=_serve(text), api_key=KEY, background=False)
    try:
        book_id(ledger, "gen-x")
        report = ledger.settle()
        assert (report.settled, report.failed) == (0, 1)
        assert rows(ledger, "SELECT count(*) FROM generation") == [(0,)]
    finally:
        ledger.close()


def test_a_404_of_another_server_is_no_word_about_the_id(books: Ledger, tmp_path: Path) -> None:
    base_url = _serve("<html>Not Found</html>", status=404)
    with freeze_time("2026-11-23 10:00:00") as frozen:
        ledger = Ledger(home=tmp_path / "home", base_url=base_url, api_key=KEY, background=False)
        try:
            book_id(ledger, "gen-x")
            frozen.tick(dt.timedelta(days=3))
            report = ledger.settle()
        finally:
            ledger.close()
    assert (report.failed, report.given_up, len(report.pending)) == (1, 0, 1)


def test_an_id_is_given_up_when_its_schedule_is_over(sandbox: Sandbox, books: Ledger) -> None:
    settler = Settler(books.books, books.desk)
    with freeze_time("2026-11-23 10:00:00") as frozen:
        book_id(books, "gen-nobody-knows")
        tries = 0
        while waiting := settler.pending():
            due = settler.due(waiting[0])
            frozen.move_to(due)
            settler.settle()
            tries += 1
    assert tries == 10
    assert results(books) == ["not_ready"] * 9 + ["given_up"]
    [at] = rows(books, "SELECT at FROM settlement_attempt WHERE result = 'given_up'")
    assert at == ("2026-11-23T11:00:00.000000Z",)
    assert rows(books, "SELECT cost_grade FROM request_status") == [("unknown",)]
    report = books.settle()
    assert (report.pending, report.given_up) == ((), 0)
    assert [each.generation_id for each in report.unknown] == ["gen-nobody-knows"]


def test_settling_by_hand_gives_nothing_up_early(sandbox: Sandbox, books: Ledger) -> None:
    with freeze_time("2026-11-23 10:00:00") as frozen:
        book_id(books, "gen-nobody-knows")
        for _ in range(15):
            frozen.tick(dt.timedelta(seconds=1))
            assert books.settle().given_up == 0
        assert len(books.settle().pending) == 1
        frozen.tick(dt.timedelta(hours=1))
        assert books.settle().given_up == 1


def test_faults_of_the_network_and_the_provider_give_nothing_up(
    sandbox: Sandbox, books: Ledger
) -> None:
    sandbox.fail(503, endpoint="generation", times=12)
    with freeze_time("2026-11-23 10:00:00") as frozen:
        book_id(books, "gen-1")
        for _ in range(12):
            frozen.tick(dt.timedelta(hours=6))
            assert books.settle().failed == 1
        assert len(books.settle().pending) == 0
    assert results(books) == ["failed"] * 12 + ["given_up"]


def test_an_id_of_another_key_is_not_given_up_on_the_first_day(
    sandbox: Sandbox, books: Ledger
) -> None:
    with freeze_time("2026-11-23 10:00:00") as frozen:
        book_id(books, "gen-1", key_hash="0" * 64)
        for _ in range(11):
            frozen.tick(dt.timedelta(hours=2))
            assert books.settle().not_ready == 1
        frozen.tick(dt.timedelta(hours=2))
        assert books.settle().given_up == 1


def test_a_request_of_yesterday_that_is_settled_today_stays_in_yesterday(
    sandbox: Sandbox, books: Ledger
) -> None:
    with freeze_time("2026-11-23 23:59:59.999999") as frozen:
        call(books)
        frozen.tick(dt.timedelta(seconds=30))
        books.settle()
    days = rows(books, "SELECT day, requests, settled_requests FROM daily_usage")
    assert days == [("2026-11-23", 1, 1)]


def test_watching_settles_on_the_schedule(sandbox: Sandbox, books: Ledger) -> None:
    sandbox.configure(generation_delay_s=0.3)
    call(books)
    call(books)
    settler = Settler(books.books, books.desk, Schedule((0.05, 0.15, 0.5, 0.6, 0.7)))
    seen: list[tuple[int, int]] = []
    report = settler.watch(lambda done, total: seen.append((done, total)))
    assert (report.settled, report.pending) == (2, ())
    assert report.not_ready >= 2
    assert seen[0] == (0, 2)
    assert seen[-1] == (2, 2)


def test_watching_ends_when_it_is_told_to(sandbox: Sandbox, books: Ledger) -> None:
    book_id(books, "gen-nobody-knows")
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    report = Settler(books.books, books.desk).watch(stop=stop)
    assert len(report.pending) == 1


def test_settling_nothing_needs_no_key(sandbox: Sandbox, books: Ledger, tmp_path: Path) -> None:
    call(books)
    books.settle()
    keyless = Ledger(home=tmp_path / "home", base_url=sandbox.base_url, background=False)
    try:
        assert keyless.settle().settled == 0
    finally:
        keyless.close()


_SETTLE = """
import sys
from ledger.client import Ledger
ledger = Ledger(background=False)
sys.stdin.readline()
print(ledger.settle().settled)
ledger.close()
"""


def test_two_settlers_at_once_give_one_row_a_generation(
    sandbox: Sandbox, books: Ledger, tmp_path: Path
) -> None:
    import os
    import subprocess
    import sys

    for _ in range(15):
        call(books)
    sandbox.configure(generation_latency_s=0.02)
    env = os.environ | {
        "LEDGER_HOME": str(tmp_path / "home"),
        "OPENROUTER_API_KEY": OTHER_KEY,
        "OPENROUTER_BASE_URL": sandbox.base_url,
        "PYTHONPATH": os.pathsep.join(sys.path),
        **engines.environment(tmp_path / "home"),
    }
    command = [sys.executable, "-c", _SETTLE]
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) for _ in range(2)
    ]
    for each in both:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [int(each.communicate(timeout=60)[0]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    [(generations, distinct)] = rows(
        books, "SELECT count(*), count(DISTINCT generation_id) FROM generation"
    )
    assert (generations, distinct) == (15, 15)
    assert results(books) == ["settled"] * sum(said)
    assert sum(said) > 15, "they never met"
    assert rows(books, "SELECT count(*) FROM request_status WHERE cost_grade = 'settled'") == [
        (15,)
    ]


def _serve(text: str, status: int = 200) -> str:
    """The base URL of a server that answers everything with this."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    data = text.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)

    def serve_once() -> None:
        with server:
            server.handle_request()

    threading.Thread(target=serve_once, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
