"""The books at a glance, the calls as they come, and what they cost by commit."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import freezegun
import pytest
import usagekit
from export_rows import open_rows
from usagekit import Planted

from ledger.__main__ import main
from ledger.books.models import CreditSnapshot, Process
from ledger.client import Ledger
from ledger.errors import QuestionInvalid
from ledger.openrouter import exact
from ledger.reports.following import CallEvent

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

NOW = dt.datetime(2026, 11, 15, 12, tzinfo=dt.UTC)
USD = 10**12
HOSTILE = "<b>\x1b[2J\u202e=cmd()\n" + "x" * 4096


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    days = {"2026-11-15T09:00": 3, "2026-11-14T11:00": 2, "2026-11-14T13:00": 50}
    days |= {"2026-11-02T00:00": 10, "2026-10-15T11:59": 6, "2026-10-15T12:30": 70}
    usagekit.plant(
        home,
        [
            Planted(dt.datetime.fromisoformat(f"{at}Z"), f"caller_{usd % 4}", "m", usd * USD)
            for at, usd in days.items()
        ],
    )
    opened = Ledger(home=home, background=False)
    yield opened
    opened.close()


@freezegun.freeze_time(NOW)
def test_a_period_stands_beside_the_one_before_up_to_the_same_time(ledger: Ledger) -> None:
    found = ledger.glance()
    assert [found.today.now.total_pico, found.today.then.total_pico] == [3 * USD, 2 * USD]
    assert found.today.change_percent == Decimal("50.0")
    assert [found.month.now.total_pico, found.month.then.total_pico] == [65 * USD, 6 * USD]
    assert found.month.change_percent == Decimal("983.3")
    assert found.ever.total_pico == 141 * USD
    assert [row.total_pico for row in found.callers] == [62 * USD, 3 * USD]
    assert found.callers.totals == found.models.totals


@freezegun.freeze_time(NOW)
def test_the_day_and_month_are_those_of_the_zone(ledger: Ledger) -> None:
    today = ledger.glance(tz="Pacific/Kiritimati").today  # where it is 2 in the morning
    assert (today.now.total_pico, today.then.total_pico) == (0, 2 * USD)
    with pytest.raises(QuestionInvalid):
        ledger.glance(tz="Mars/Olympus")


@freezegun.freeze_time("2026-03-31T10:00Z")
def test_on_the_31st_the_month_before_ends_with_its_last_day(home: Path) -> None:
    moments = ("2026-02-28T23:00Z", "2026-03-01T00:00Z")
    usagekit.plant(home, [Planted(dt.datetime.fromisoformat(at), "c", "m", 1) for at in moments])
    with Ledger(home=home, background=False) as ledger:
        month = ledger.glance().month
        assert (month.now.total_pico, month.then.total_pico) == (1, 1)


@freezegun.freeze_time("2026-11-01T00:00Z")
def test_at_midnight_there_is_nothing_to_compare_with(ledger: Ledger) -> None:
    found = ledger.glance()
    assert (found.today.then.requests, found.month.change_percent) == (0, None)


@freezegun.freeze_time(NOW)
def test_credits_left_are_those_last_told_with_their_age(ledger: Ledger) -> None:
    assert not ledger.glance().sections
    for hours, used in ((30, 1), (3, 4)):
        row = CreditSnapshot(
            process_id=ledger.books.process.id,
            at=NOW - dt.timedelta(hours=hours),
            total_credits_pico=10 * USD,
            total_usage_pico=used * USD,
        )
        ledger.books.writer.write(row)
    (section,) = ledger.glance().sections
    assert section.rows == (("6.0", "2026-11-15T09:00:00.000000Z", "3 hours ago"),)


@freezegun.freeze_time(NOW)
def test_a_glance_is_shown_and_is_one_json_document(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report"]) == 0
    shown = capsys.readouterr().out
    assert "+50.0 % on yesterday by then" in shown
    assert "caller, this month" in shown
    assert main(["report", "--json"]) == 0
    document = exact.loads(capsys.readouterr().out)
    assert document["today"]["change_percent"] == Decimal("50.0")
    assert document["month"]["now"]["total_usd"] == 65
    assert [row["caller"] for row in document["callers"]] == ["caller_2", "caller_3"]


@pytest.mark.parametrize(
    "arguments", [("--csv",), ("--top", "3"), ("commits", "day"), ("commits", "--top", "3")]
)
def test_what_a_glance_or_a_list_does_not_take_is_wrong_usage(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(["report", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


# --- commits ----------------------------------------------------------------------------------


@pytest.fixture
def committed(home: Path) -> Path:
    """Calls of two callers, by programs of two commits and of none."""
    rows = open_rows(home)
    who = [rows.caller(name, None, provision=False) for name in ("one", "other")]
    for number, commit in enumerate(("a" * 40, "b" * 40, None)):
        process = Process(first_seen_at=NOW, git_commit=commit)
        rows.waiting.append(process)
        for call in range(4):
            at = NOW + dt.timedelta(days=number, minutes=call)
            request = rows.request(who[call % 2], at, process_id=process.id)
            pico = None if call == 2 else (number + 1) * USD
            rows.outcome(request, pico, prompt_tokens=10 * (number + 1), completion_tokens=3)
    rows.book()
    rows.books.close()
    return home


def test_each_commit_has_its_cost_and_tokens_a_call(committed: Path) -> None:
    with Ledger(home=committed, background=False) as ledger:
        found = ledger.commits()
        assert [row.git_commit for row in found] == ["a" * 40, "b" * 40, None]
        assert [row.cost_per_call_usd for row in found] == ["1.0", "2.0", "3.0"]
        assert [(row.requests, row.known_requests) for row in found] == [(4, 3)] * 3
        assert [row.prompt_tokens_per_call for row in found] == [10, 20, 30]
        (one,) = ledger.commits("one", until="2026-11-15")
        assert (one.requests, one.known_requests, one.total_pico) == (2, 1, USD)


def test_commits_come_in_every_format(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("--json", "--csv", "--markdown"):
        assert main(["report", "commits", "--caller", "other", form]) == 0
        assert "a" * 12 in capsys.readouterr().out
    assert main(["report", "commits"]) == 0
    assert "+100.0 %" in capsys.readouterr().out


# --- tail -------------------------------------------------------------------------------------


def told(events: list[CallEvent]) -> list[tuple[str, str | None]]:
    return [(each.event, each.request.caller) for each in events]


def test_calls_are_told_once_as_they_start_and_end(home: Path) -> None:
    rows = open_rows(home)
    callers = {name: rows.caller(name, None, provision=False) for name in ("old", "new", "open")}
    rows.call(callers["old"], 5)
    waiting = rows.request(callers["open"])
    rows.book()
    with Ledger(home=home, background=False) as ledger:
        following = ledger.tail(last=5)
        assert told(list(islice(following, 2))) == [("end", "old"), ("start", "open")]
        late = rows.request(callers["new"])
        rows.book()
        assert told([next(following)]) == [("start", "new")]
        rows.outcome(late, 7)
        rows.outcome(waiting, 9)
        rows.call(callers["old"], 1)
        rows.book()
        found = told(list(islice(following, 3)))
        assert sorted(found) == [("end", "new"), ("end", "old"), ("end", "open")]
    rows.books.close()


def test_lines_show_nothing_that_acts_and_json_is_one_document_a_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usagekit.plant(home, [Planted(NOW, HOSTILE, HOSTILE, 5)])
    assert main(["tail", "--once"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isprintable()
    assert len(line) < 400
    assert "0.000000000005 USD reported" in line
    assert main(["tail", "--once", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    document = exact.loads(line)
    assert (document["event"], document["caller"]) == ("end", HOSTILE)


def following_process(*arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "ledger", "tail", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_follows_another_process_and_ends_cleanly_when_interrupted(
    ledger_sandbox: "Sandbox",
) -> None:
    with Ledger(background=False) as ledger:
        ledger.get_response("Hello", "maker/model", "flow_first")
        process = following_process("--json")
        assert process.stdout is not None
        lines: list[Any] = [exact.loads(process.stdout.readline())]
        ledger.get_response("Hello", "maker/model", "flow_second")
        while (lines[-1]["event"], lines[-1]["caller"]) != ("end", "flow_second"):
            lines.append(exact.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert {line["caller"] for line in lines} == {"flow_first", "flow_second"}


@pytest.mark.skipif(os.name != "posix", reason="a pipe that nobody reads")
def test_it_ends_when_nobody_reads_its_lines(ledger_sandbox: "Sandbox") -> None:
    with Ledger(background=False) as ledger:
        ledger.get_response("Hello", "maker/model", "flow_first")
        process = following_process()
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        stop = threading.Event()
        for _ in range(40):
            ledger.get_response("Hello", "maker/model", "flow_first")
            if process.poll() is not None or stop.wait(0.25):
                break
        assert process.wait(timeout=30) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
