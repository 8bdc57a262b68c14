"""Reports: every format has the same totals, equal to an independent sum, and shows its grades."""

import csv
import datetime as dt
import io
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import usagekit
from usagekit import Planted, csv_rows, markdown_rows, summed

from ledger.__main__ import main
from ledger.books import rollups
from ledger.client import Ledger
from ledger.errors import QuestionInvalid
from ledger.openrouter import exact
from ledger.reports.usage import sources
from ledger.reports.usage.question import KEYS

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "a\x1b[2J\x1b]0;owned\x07b",
    "a\u202eb\u2066c",
    "=cmd|'/c calc'!A1",
    "x" * 4096,
    "one\r\ntwo | three",
    "[link](javascript:alert(1)) ![i](http://e/) `code` *b* @all",
)


def calls(number: int, seed: int = 1) -> list[Planted]:
    """Calls of 20 callers and 5 models over 18 months, some tagged, some of unknown cost."""
    chosen = random.Random(seed)
    minutes = 549 * 24 * 60
    return [
        Planted(
            START + dt.timedelta(minutes=chosen.randrange(minutes)),
            f"caller_{chosen.randrange(20)}",
            f"maker/model-{chosen.randrange(5)}",
            chosen.choice([None, 0, 1, chosen.randrange(10**10), chosen.randrange(10**14)]),
            {"team": chosen.choice("abc")} if chosen.random() < 0.5 else {},
        )
        for _ in range(number)
    ]


CALLS = calls(400)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def planted(home: Path) -> Path:
    usagekit.plant(home, CALLS)
    return home


@pytest.fixture
def ledger(planted: Path) -> Iterator[Ledger]:
    opened = Ledger(home=planted, background=False)
    yield opened
    opened.close()


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["report", *arguments]) == 0
    return capsys.readouterr().out


def usd(rows: Any, column: str = "total_usd") -> Decimal:
    return sum((Decimal(str(row[column])) for row in rows), Decimal(0))


def assert_formats_agree(
    capsys: pytest.CaptureFixture[str], expected: Decimal, *arguments: str
) -> None:
    """The total of each format, and the sum of its rows, is the expected one."""
    document = exact.loads(said(capsys, *arguments, "--json"))
    assert document["totals"]["total_usd"] == expected
    table = list(csv_rows(said(capsys, *arguments, "--csv")))
    *rows, all_ = markdown_rows(said(capsys, *arguments, "--markdown"))
    assert Decimal(all_["total USD"]) == expected
    assert f"{expected:f}".rstrip("0").rstrip(".") in said(capsys, *arguments)
    sums = [usd(document["rows"]), usd(table), usd(rows, "total USD")]
    assert len(set(sums)) == 1
    if not {"member", "tag"} & set(arguments):
        assert sums[0] == expected


@pytest.mark.parametrize("by", KEYS)
def test_every_format_has_the_total_of_an_independent_sum(
    planted: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    expected = sum((call.usd for call in CALLS), Decimal(0))
    assert_formats_agree(capsys, expected, by)
    assert_formats_agree(capsys, expected, by, "--tz", "Asia/Kathmandu", "--top", "3")


@pytest.mark.parametrize(
    "by", [("day", "caller"), ("caller", "month"), ("model", "caller"), ("tag", "week")]
)
def test_two_keys_are_crossed(
    planted: Path, capsys: pytest.CaptureFixture[str], ledger: Ledger, by: tuple[str, str]
) -> None:
    expected = sum((call.usd for call in CALLS), Decimal(0))
    assert_formats_agree(capsys, expected, *by)
    if "tag" not in by:
        rows = ledger.report(*by)
        assert {row.buckets: Decimal(row.total_usd) for row in rows} == summed(CALLS, *by)


def test_filters_leave_the_others_out(ledger: Ledger) -> None:
    for caller, model, team in (("caller_1", None, None), (None, "maker/model-2", "a")):
        wanted = [
            call
            for call in CALLS
            if caller in (None, call.caller)
            and model in (None, call.model)
            and team in (None, call.tags.get("team"))
        ]
        tag = None if team is None else f"team={team}"
        found = ledger.report("day", caller=caller, model=model, tag=tag, since="2026-03")
        wanted = [call for call in wanted if call.at >= dt.datetime(2026, 3, 1, tzinfo=dt.UTC)]
        assert wanted
        assert found.totals.requests == len(wanted)
        assert Decimal(found.totals.total_usd) == sum(call.usd for call in wanted)


def test_names_come_the_largest_first_and_the_rest_in_one_row(ledger: Ledger) -> None:
    whole, top = ledger.report("caller"), ledger.report("caller", top=3)
    sizes = [row.total_pico for row in whole]
    assert sizes == sorted(sizes, reverse=True)
    assert [row.caller for row in top] == [*(row.caller for row in whole[:3]), None]
    assert [row.others for row in top] == [0, 0, 0, 17]
    assert top.totals == whole.totals
    assert top[3].total_pico == sum(sizes[3:])
    assert top[3].requests == sum(row.requests for row in whole[3:])


def test_of_crossed_keys_the_names_are_ranked_over_all_times(ledger: Ledger) -> None:
    largest = {row.caller for row in ledger.report("caller", top=2) if not row.others}
    crossed = ledger.report("month", "caller", top=2)
    assert {row.caller for row in crossed if not row.others} == largest
    assert sum(row.total_pico for row in crossed) == crossed.totals.total_pico
    assert [row.month for row in crossed] == sorted(str(row.month) for row in crossed)


def test_a_total_says_what_it_is_made_of(ledger: Ledger) -> None:
    totals = ledger.report("month").totals
    unknown = sum(call.pico is None for call in CALLS)
    assert totals.unknown_requests == unknown > 0
    assert totals.reported_requests == len(CALLS) - unknown
    assert totals.total_pico == totals.settled_pico + totals.reported_pico
    assert (totals.declared_pico, totals.unpriced_requests) == (0, 0)


def test_the_grades_stand_below_every_table(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = sum(call.pico is None for call in CALLS)
    for form in ((), ("--markdown",)):
        shown = said(capsys, "status", *form)
        assert f"unknown: {unknown}, unpriced: 0" in shown.replace("\n", " ")
        assert "Settled: 0.0 USD (0.0 %)" in shown
        assert "(100.0 %)" in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    usagekit.plant(home, [Planted(START, name, name, 5), Planted(START, "good", name, 7)])
    table = said(capsys, "caller", "model")
    assert all(character.isprintable() or character == "\n" for character in table)
    assert max(map(len, table.splitlines())) < 1000
    markdown = said(capsys, "caller", "model", "--markdown")
    rows = list(markdown_rows(markdown))
    assert [row["total USD"] for row in rows] == [
        "0.000000000007",
        "0.000000000005",
        "0.000000000012",
    ]
    assert "<script" not in markdown.replace("\\<", "")
    text = said(capsys, "caller", "--csv")
    found = [row["caller"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert len(found) == 2
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in found)
    document = exact.loads(said(capsys, "caller", "--json"))
    assert {row["caller"] for row in document["rows"]} == {"good", name}


def test_nothing_in_the_books_is_an_empty_report(home: Path) -> None:
    usagekit.plant(home, [])
    with Ledger(home=home, background=False) as ledger:
        for key in KEYS:
            report = ledger.report(key, since="7d", tz="Asia/Kathmandu")
            assert (list(report), report.totals.requests) == ([], 0)


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "fortnight"},
        {"by": "day", "then": "fortnight"},
        {"by": "day", "then": "day"},
        {"by": "day", "of": "team"},
        {"by": "day", "top": 0},
        {"by": "day", "tag": "team"},
        {"by": "day", "tag": "=a"},
    ],
)
def test_what_cannot_be_asked_is_refused(ledger: Ledger, asked: dict[str, Any]) -> None:
    with pytest.raises(QuestionInvalid):
        ledger.report(**asked)


@pytest.mark.parametrize(
    "arguments",
    [("day", "--json", "--csv"), ("day", "--since", "soon"), ("day", "--tz", "Mars"), ("day",) * 2],
)
def test_a_wrong_question_is_one_line_and_wrong_usage(
    planted: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.long
def test_a_hundred_thousand_calls_add_up_in_every_format(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = calls(100_000, seed=2)
    usagekit.plant(home, many)
    expected = sum((call.usd for call in many), Decimal(0))
    for by in KEYS:
        assert_formats_agree(capsys, expected, by)
    assert_formats_agree(capsys, expected, "day", "caller", "--tz", "America/St_Johns")
    with Ledger(home=home, background=False) as ledger:
        rows = ledger.report("day", "caller", tz="Asia/Kathmandu")
        found = {row.buckets: Decimal(row.total_usd) for row in rows}
        assert found == summed(many, "day", "caller", zone="Asia/Kathmandu")


def test_sums_that_are_kept_and_requests_one_by_one_tell_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for much in (1, 10**9):  # the first reads every request, the second what is kept of them
        monkeypatch.setattr(rollups, "freshen", lambda _: None)
        monkeypatch.setattr(sources, "MUCH_STALE", much)
        for tz in ("UTC", "Asia/Kathmandu"):
            report = ledger.report("day", "caller", tz=tz, since="2026-03", top=4)
            found.append((report.rows, report.totals))
    assert found[:2] == found[2:]
