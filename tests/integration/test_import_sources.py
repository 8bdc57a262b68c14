"""The provider's activity, `llm`'s log and other ledgers come in as exactly as files, and once."""

import contextlib
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import call, count, only, open_ledger, rows

from ledger.__main__ import main
from ledger.client import Ledger
from ledger.errors import ImportFailed, LedgerError
from ledger.sandbox import Sandbox

BASE = "https://openrouter.ai/api/v1"
CALLS = (
    "generation_id,created_at,cost_total,byok_usage_inference,tokens_prompt,tokens_completion,"
    "model_permaslug,provider_name,cancelled,app_name\n"
    "gen-1,2026-06-28 23:46:57.713,0.0123,0,100,20,openai/gpt-4o,OpenAI,false,=1+1\n"
    "gen-2,2026-06-29 00:00:01,0,0.5,10,5,openai/gpt-4o,Azure,true,x\n"
)
DAYS = (
    "date,model,model_permaslug,endpoint_id,provider_name,usage,byok_usage_inference,requests,"
    "prompt_tokens,completion_tokens,reasoning_tokens\n"
    "2026-06-28 00:00:00,openai/gpt-4o,openai/gpt-4o-2024,ep-1,OpenAI,1.5,0,3,300,30,0\n"
    "2026-06-28 00:00:00,a/b,a/b-1,ep-2,B,0.25,0.125,2,20,2,1\n"
)
TABLES = ("request", "outcome", "imported_file", "imported_call", "opening_balance", "caller")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with open_ledger(home, BASE) as opened:
        yield opened


def state(home: Path) -> Any:
    return {table: rows(home, f"select * from {table} order by id") for table in TABLES}


def declared(home: Path, view: str, of: str) -> dict[str, Decimal]:
    found = rows(home, f"select {of}, declared_usd from {view}")
    return {row[of]: Decimal(row["declared_usd"]) for row in found}


# --- activity -----------------------------------------------------------------------------


def test_an_activity_of_generations_is_calls(ledger: Ledger, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "activity.csv"
    path.write_text("\ufeff" + CALLS, "utf-8", newline="")
    found = ledger.import_file(path, tz="Asia/Tokyo")  # its times are UTC, whatever is said
    assert (found.kind, found.booked, found.calls_usd) == ("activity", 2, Decimal("0.5123"))
    second = only(home, "select * from request_status where generation_id = 'gen-2'")
    assert (second["day"], second["status"], second["source"]) == (
        "2026-06-29", "cancelled", "import:activity",
    )  # fmt: skip
    assert (second["cost_usd"], second["upstream_usd"], second["total_usd"]) == (
        "0.0",
        "0.5",
        "0.5",
    )
    assert declared(home, "daily_usage", "day") == {
        "2026-06-28": Decimal("0.0123"), "2026-06-29": Decimal("0.5"),
    }  # fmt: skip
    before = state(home)
    assert ledger.import_file(path).booked == 0
    assert state(home) == before


def test_columns_may_stand_in_any_order_with_others_between(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'new,cost_total,"created_at",model_permaslug,generation_id\n'
        '"a,\nb",0.1,2026-06-28T10:00:00Z,m,gen-9\n'
        ",=2+3,2026-06-28T10:00:00Z,m,gen-10\n,0.1,2026-06-28T10:00:00Z,m\n",
        "utf-8",
    )
    found = ledger.import_file(path)
    assert (found.booked, found.bad_rows) == (1, 2)
    assert [(bad.place, bad.reason) for bad in found.bad] == [
        ("line 4", "cost_total is no number"),
        ("line 5", "it has 4 cells, and the header 5"),
    ]
    with pytest.raises(ImportFailed, match="line 4"):
        ledger.import_file(path, on_error="stop")


def test_an_activity_of_days_is_balances_beyond_what_the_books_have(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "calls.csv").write_text(
        "generation_id,created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug\n"
        "gen-1,2026-06-28 10:00:00,0.5,100,10,openai/gpt-4o\n"
        "gen-2,2026-06-28 10:00:00,0.05,1,1,an/alias\n"
    )
    ledger.import_file(tmp_path / "calls.csv")
    half = "2026-06-28,a/b,a/b-1,ep-2,B,0.125,0.0625,1,10,1,\n"
    (tmp_path / "days.csv").write_text(DAYS.rsplit("\n", 2)[0] + f"\n{half}{half}")
    found = ledger.import_file(tmp_path / "days.csv")
    assert (found.calls, found.balances, found.balances_usd) == (0, 2, Decimal("1.325"))
    assert declared(home, "daily_usage", "day") == {"2026-06-28": Decimal("1.875")}
    assert ledger.report("provider").totals.declared_usd == "1.875"
    before = state(home)
    assert ledger.import_file(tmp_path / "days.csv").balances == 0
    assert state(home) == before


def test_an_activity_of_days_takes_what_was_recorded_for_what_it_is(
    ledger_sandbox: Sandbox, home: Path, tmp_path: Path
) -> None:
    with open_ledger(home, ledger_sandbox.base_url) as ledger:
        call(ledger, "sync", model="openai/gpt-4o-mini")
        ledger.settle()
        day = only(home, "select day, total_usd, requests from daily_usage")
        (tmp_path / "days.csv").write_text(
            f"date,model,usage,requests\n{day['day']},openai/gpt-4o-mini,{day['total_usd']},1\n"
        )
        found = ledger.import_file(tmp_path / "days.csv")
        assert (found.balances_usd, count(home, "imported_call")) == (Decimal(0), 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"generation_id,created_at,created_at\n", "comes twice"),
        (b"generation_id,created_at\ngen-1,\0\n", "NUL"),
        (b"generation_id,created_at\ngen-1,\xff\n", "UTF-8"),
        (b'generation_id,created_at\n"gen-1,2026\n', "unexpected end of data"),
        ("generation_id,created_at\n".encode("utf-16"), r"UTF-16|not JSON"),
        (b"generation_id,created_at\n" + b"x" * (1 << 21), "no end"),
    ],
)
def test_a_broken_csv_is_refused_whole(
    ledger: Ledger, home: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ImportFailed, match=why):
        ledger.import_file(path)
    assert count(home, "imported_file") == 0


# --- llm ----------------------------------------------------------------------------------

ANSWER = '{"id": "gen-7", "usage": {"cost": 0.00015, "prompt_tokens": 10}}'


def llm_log(path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        columns = (
            "id TEXT PRIMARY KEY, model TEXT, prompt TEXT, response TEXT, response_json TEXT,"
            " duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER, output_tokens INTEGER"
        )
        connection.execute(f"CREATE TABLE responses ({columns}, resolved_model TEXT)")
        connection.execute(f"CREATE TABLE turns ({columns})")
        old = ("01a", "openrouter/openai/gpt-4o", "secret", "answer", ANSWER, 420,
               "2025-08-30T10:00:00.123456", 10, 5, None)  # fmt: skip
        plain = ("01b", "gpt-4o-mini", "p", "r", '{"id": "chatcmpl-1"}', 7,
                 "2025-08-30T10:00:01+00:00", 3, 4, "gpt-4o-mini-2024")  # fmt: skip
        connection.executemany(
            f"INSERT INTO responses VALUES ({', '.join('?' * 10)})", [old, plain]
        )
        connection.execute(f"INSERT INTO turns VALUES ({', '.join('?' * 9)})", plain[:9])
        bad = ("01c", "m", "", "", None, -5, "2025-08-30T10:00:01", 3, 4)
        connection.execute(f"INSERT INTO turns VALUES ({', '.join('?' * 9)})", bad)
    return path


def test_a_log_of_llm_is_calls_without_their_words(
    ledger: Ledger, home: Path, tmp_path: Path
) -> None:
    path = llm_log(tmp_path / "logs.db")
    content = path.read_bytes()
    found = ledger.import_file(path, tz="Asia/Tokyo")
    assert (found.kind, found.calls, found.booked, found.bad_rows) == ("llm", 3, 2, 1)
    assert found.bad[0].place == "turns 01c"
    first = only(home, "select * from request_status where generation_id = 'gen-7'")
    assert (first["model"], first["caller"], first["total_usd"]) == (
        "openai/gpt-4o", "llm", "0.00015",
    )  # fmt: skip
    assert first["started_at"] == "2025-08-30T10:00:00.123456Z"
    other = only(home, "select * from request_status where generation_id is null")
    assert (other["cost_grade"], other["completion_tokens"]) == ("unknown", 4)
    before = state(home)
    assert ledger.import_file(path).booked == 0
    assert state(home) == before
    assert "secret" not in str(before)
    assert path.read_bytes() == content


def test_a_database_that_is_locked_or_none_of_these_is_said(
    ledger: Ledger, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.exchange.imports import databases

    monkeypatch.setattr(databases, "_PATIENCE_S", 0.1)
    path = llm_log(tmp_path / "logs.db")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ImportFailed, match="locked"):
            ledger.import_file(path)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE x (y)")
    with pytest.raises(ImportFailed, match="neither a ledger"):
        ledger.import_file(tmp_path / "other.db")
    (tmp_path / "torn.db").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImportFailed, match=r"malformed|not a database|neither"):
        ledger.import_file(tmp_path / "torn.db")
    with pytest.raises(ImportFailed, match="engine"):
        ledger.import_file("mysql://nobody@nowhere/x")
    assert count(home, "request") == 0


# --- another ledger -----------------------------------------------------------------------


def test_another_ledger_comes_in_whole_once_and_back_not_at_all(
    ledger_sandbox: Sandbox, home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with open_ledger(home, ledger_sandbox.base_url) as mine:
        for number in range(3):
            call(mine, "sync", model="openai/gpt-4o-mini", caller=f"flow_{number % 2}")
        with pytest.raises(LedgerError):
            call(mine, "sync", model="sandbox/error-500", caller="flow_0")
        mine.settle()
        (tmp_path / "days.csv").write_text(DAYS)
        mine.import_file(tmp_path / "days.csv")
        where = engines.url_of(home) or str(home / "ledger.db")
        with open_ledger(other, ledger_sandbox.base_url) as theirs:
            found = theirs.import_file(where)
            assert (found.kind, found.calls, found.booked) == ("ledger", 4, 4)
            before = state(other)
            assert theirs.import_file(where).booked == 0
            assert state(other) == before
        kept = state(home)
        back = mine.import_file(engines.url_of(other) or str(other / "ledger.db"))
        assert (back.booked, back.balances) == (0, 0)
        assert state(home) == kept
    for view, of in (("daily", "day"), ("monthly", "month"), ("caller", "caller"), ("model",) * 2):
        query = f"""
            select {of}, requests, finished, failed, prompt_tokens, opening_requests,
                total_pico + declared_pico as pico
            from {view}_usage order by {of}
        """
        assert rows(other, query) == rows(home, query)


# --- skill files, and the command ---------------------------------------------------------


def test_a_callers_own_files_become_the_same_in_another_ledger(
    ledger_sandbox: Sandbox, home: Path, tmp_path: Path
) -> None:
    with open_ledger(home, ledger_sandbox.base_url) as mine:
        for _ in range(3):
            call(mine, "sync", model="openai/gpt-4o-mini", caller="flow")
        mine.settle()
        mine.export()
    (data,) = tmp_path.rglob("openrouter_skill_data.json")
    theirs = tmp_path / "theirs"
    for order in ([data], [data.with_name("openrouter_skill_log.json"), data, data]):
        other = theirs / str(len(order))
        with open_ledger(other, ledger_sandbox.base_url) as ledger:
            for path in order:
                ledger.import_file(path)
        query = """
            select caller, requests + opening_requests as requests,
                total_pico + declared_pico as pico,
                prompt_tokens + completion_tokens + undivided_tokens as tokens
            from caller_usage
        """
        assert rows(other, query) == rows(home, query)


@pytest.mark.one_engine
def test_the_command_says_what_it_did_and_lists_bad_rows(
    ledger: Ledger, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.books.prepare()
    path = tmp_path / "\x1b[31mactivity.csv"
    path.write_text(CALLS + "gen-3,never,0.1,0,1,1,m,p,false,x\n")
    options = ["--home", str(home)]
    assert main(["import", str(path), "--on-error", "stop", *options]) == 1
    assert "line 4: it has no time that can be read" in capsys.readouterr().err
    assert count(home, "request") == 0
    assert main(["import", str(path), *options]) == 0
    captured = capsys.readouterr()
    assert "2 calls, 2 new, 0 known; 0.5123 USD declared." in captured.out
    assert "Skipped 1 bad rows." in captured.out
    assert "line 4: it has no time" in captured.err
    assert "\x1b" not in captured.out + captured.err
    assert main(["import", str(path), "--json", *options]) == 0
    assert '"known": 2' in capsys.readouterr().out
    assert main(["import", str(path), "--on-error", "cry", *options]) == 2
    assert main(["import", str(path), "--from", "xls", *options]) == 3
    assert main(["import", str(tmp_path), *options]) == 1
