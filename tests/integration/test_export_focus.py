"""The books as FOCUS 1.2: every dollar once in each column, and the official validator's word."""

import csv
import datetime as dt
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from export_rows import START, Rows, open_rows

from ledger.__main__ import main
from ledger.books.models import CreditSnapshot
from ledger.client import Ledger

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / "build" / "focus"
# The model has an either-or as two rules of their own: one of the two is told as failed whatever a
# file has. What counts is that the rule above them passes.
EITHER_OR = ("InvoiceId-C-003-C", {"InvoiceId-C-004-C", "InvoiceId-C-005-C"})
FAILED = re.compile(r"^\s*- (?P<rule>[\w-]+): violations=", re.MULTILINE)
SUMMARY = re.compile(r"pass: (?P<passed>\d+) \| fail: (?P<failed>\d+)", re.IGNORECASE)
DAYS = (
    "date,model,usage,byok_usage_inference,requests,prompt_tokens,completion_tokens\n"
    "2026-11-20,openai/gpt-4o,1.5,0.25,3,300,30\n"
)
FORMULA = '=HYPERLINK("http://evil/")'


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


@pytest.fixture
def ledger(rows: Rows, tmp_path: Path) -> Iterator[Ledger]:
    fill(rows)
    opened = Ledger(home=rows.home, background=False, api_key="sk-or-v1-" + "ab" * 32)
    (tmp_path / "days.csv").write_text(DAYS)
    opened.import_file(tmp_path / "days.csv")
    yield opened
    opened.close()


def fill(rows: Rows) -> None:
    """Two callers over a month's end, a free call, one with an own key, a failure, a formula."""
    one, two = rows.caller("flow", None), rows.caller("skill", None)
    for number in range(4):
        at = START + dt.timedelta(days=4 * number)
        rows.call(one, 10**9 + number, at=at, model="openai/gpt-4o", provider="OpenAI",
                  prompt_tokens=10, completion_tokens=5)  # fmt: skip
    rows.call(two, 0, at=START, model="a/b:free", provider="B")
    rows.call(two, 7, at=START, model="a/c", provider="C", upstream_pico=5 * 10**9, is_byok=True)
    rows.call(None, None, at=START, status="failed")
    rows.call(two, 3, at=START, model=FORMULA, provider=FORMULA)
    for day, pico in ((0, 10 * 10**12), (1, 10 * 10**12), (5, 35 * 10**12 + 1)):
        rows.waiting.append(
            CreditSnapshot(
                process_id=rows.books.process.id,
                at=START + dt.timedelta(days=day),
                total_credits_pico=pico,
                total_usage_pico=0,
            )
        )
    rows.book()


def read(ledger: Ledger) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(ledger.focus()).decode(), newline="")))


def total(found: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in found), Decimal(0))


def test_usage_has_the_effective_cost_and_purchases_are_billed(ledger: Ledger) -> None:
    found = read(ledger)
    bought = [row for row in found if row["ChargeCategory"] == "Purchase"]
    assert [
        (row["ChargePeriodStart"], row["BilledCost"], row["EffectiveCost"]) for row in bought
    ] == [
        ("2026-11-23T00:00:00Z", "10.0", "0.0"),
        ("2026-11-28T00:00:00Z", "25.000000000001", "0.0"),
    ]
    usage = [row for row in found if row["ChargeCategory"] == "Usage"]
    assert {row["BilledCost"] for row in usage} == {"0.0"}
    by_grade = {
        grade: total([row for row in usage if row["x_CostGrade"] == grade], "EffectiveCost")
        for grade in ("recorded", "byok", "declared")
    }
    whole = ledger.report("month").totals
    assert by_grade["recorded"] == Decimal(whole.cost_usd)
    assert by_grade["byok"] == Decimal(whole.upstream_usd) == Decimal("0.005")
    assert by_grade["declared"] == Decimal(whole.declared_usd) == Decimal("1.75")


def test_an_own_key_is_a_row_that_its_provider_invoices(ledger: Ledger) -> None:
    (row,) = [row for row in read(ledger) if row["x_CostGrade"] == "byok"]
    assert (row["InvoiceIssuerName"], row["BilledCost"]) == ("C", "0.0")
    assert (row["x_Caller"], row["Tags"]) == ("skill", '{"caller": "skill"}')


def test_a_period_is_a_utc_day_of_a_month(ledger: Ledger) -> None:
    last = read(ledger)
    (row,) = [each for each in last if each["ChargePeriodStart"] == "2026-12-01T00:00:00Z"]
    assert row["ChargePeriodEnd"] == "2026-12-02T00:00:00Z"
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z",
    )  # fmt: skip


def test_text_that_is_a_formula_is_neutralised(ledger: Ledger) -> None:
    (row,) = [row for row in read(ledger) if "HYPERLINK" in row["x_Model"]]
    assert row["x_Model"] == row["PublisherName"] == f"'{FORMULA}"


def test_the_command_writes_a_file_once(
    ledger: Ledger, rows: Rows, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target, home = tmp_path / "focus.csv", str(rows.home)
    assert main(["export", "--format", "focus", "--to", str(target), "--home", home]) == 0
    assert capfd.readouterr().out.strip().endswith("rows of focus")
    assert target.read_bytes() == b"".join(ledger.focus())
    assert not ledger.export_focus(target).written
    assert main(["export", "--format", "focus", "--view", "x", "--home", home]) == 2


# --- the validator ------------------------------------------------------------------------


def validate(path: Path) -> str:
    """The report of the official validator, which looks for its rules in the current folder."""
    python = VALIDATOR / "bin" / "python"
    if not python.exists():
        reason = "the validator has an environment of its own: python .ci/focus.py makes it"
        if os.environ.get("CI") and not VALIDATOR.with_name("focus.none").exists():
            pytest.fail(reason)
        pytest.skip(reason)
    found = subprocess.run(
        [python, "-c", "import focus_validator; print(focus_validator.__path__[0])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (path.parent / "focus_validator").symlink_to(found.stdout.strip())
    done = subprocess.run(
        [python, "-m", "focus_validator.main", "--data-file", path.name,
         "--validate-version", "1.2.0.1", "--block-download", "--show-violations",
         "--applicability-criteria", "TAGGING_SUPPORTED"],
        cwd=path.parent, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def broken(content: bytes, change: str) -> bytes:
    found = list(csv.reader(io.StringIO(content.decode(), newline="")))
    header, row = found[0], found[2]
    if change == "column":
        kept = [place for place, name in enumerate(header) if name != "EffectiveCost"]
        found = [[row[place] for place in kept] for row in found]
    elif change == "currency":
        row[header.index("BillingCurrency")] = "dollars"
    elif change == "date":
        row[header.index("ChargePeriodStart")] = "23.11.2026"
    else:
        row[header.index("BilledCost")] = ""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(found)
    return buffer.getvalue().encode()


@pytest.mark.one_engine
@pytest.mark.skipif(sys.platform == "win32", reason="the environment is laid out for POSIX")
def test_the_official_validator_finds_no_violation(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "good"
    folder.mkdir()
    ledger.export_focus(folder / "focus.csv")
    report = validate(folder / "focus.csv")
    found = SUMMARY.search(report)
    assert found is not None, report[:2000]
    assert int(found["passed"]) > 130
    assert violations(report) == set(), report[-2000:]


def violations(report: str) -> set[str]:
    """The rules that a file breaks."""
    failed = set(FAILED.findall(report))
    above, either = EITHER_OR
    return failed - either if f"{above}: PASS" in report else failed


@pytest.mark.one_engine
@pytest.mark.skipif(sys.platform == "win32", reason="the environment is laid out for POSIX")
@pytest.mark.parametrize("change", ["column", "currency", "date", "null"])
def test_the_official_validator_finds_what_is_broken(
    ledger: Ledger, tmp_path: Path, change: str
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "focus.csv").write_bytes(broken(b"".join(ledger.focus()), change))
    assert violations(validate(folder / "focus.csv"))
