"""`reconcile` finds what a test plants, and nothing else: over real HTTP, to the last digit."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, KEY, change_config, count, open_ledger
from freezegun import freeze_time

from ledger import errors
from ledger.audit.results import Line, Reconciliation
from ledger.client import Ledger
from ledger.openrouter import keys
from ledger.sandbox import Sandbox

MANAGEMENT = "sk-or-v1-" + "3b" * 32
OTHER = "sk-or-v1-" + "cd" * 32
MODEL = "openai/gpt-4o-mini"
DAY = "2026-11-20"
TODAY = "2026-11-23"
PICO = 10**12


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(management_keys=[MANAGEMENT]) as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    return server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def at(moment: str) -> Any:
    """Sandbox and ledger both live then."""
    return freeze_time(moment)


def call(ledger: Ledger, directives: str = "", **asked: Any) -> Any:
    """A call on the day that is looked into."""
    model = f"sandbox/{directives}" if directives else MODEL
    return ledger.get_response("Name a colour.", model=model, caller=CALLER, **asked)


def usual(ledger: Ledger) -> None:
    """Some calls that both sides know."""
    for directives in ("", "cost-0.1", "cost-1e-7", "error-429"):
        try:
            call(ledger, directives)
        except errors.LedgerError:
            assert directives.startswith("error")


def found(ledger: Ledger, moment: str = f"{TODAY}T12:00:00Z", **asked: Any) -> Reconciliation:
    """A comparison some days later."""
    with at(moment):
        return ledger.reconcile(management_key=MANAGEMENT, **({"month": "2026-11"} | asked))


def kinds(result: Reconciliation) -> Counter[str]:
    return Counter(line.kind for line in result.lines)


def whole(result: Reconciliation) -> None:
    """Everything is explained, and what explains it adds up."""
    assert result.rest_pico == 0, result
    assert result.is_explained
    days = set(result.days)
    effects = sum(line.effect_on(days) for line in result.lines)
    assert result.provider_pico - result.ledger_pico == effects


# --- what can be planted --------------------------------------------------------------------


def outside(ledger: Ledger, sandbox: Sandbox) -> None:
    sandbox.outside(model=MODEL, key=KEY, directives="cost-0.0123456789")


def lost(ledger: Ledger, sandbox: Sandbox) -> None:
    with pytest.raises(errors.ConnectionFailed):
        call(ledger, "hangup,cost-0.02")


def byok(ledger: Ledger, sandbox: Sandbox) -> None:
    call(ledger, "byok")


def late(ledger: Ledger, sandbox: Sandbox) -> None:
    call(ledger, "cost-0.03,settled-0.05")


def midnight(ledger: Ledger, sandbox: Sandbox) -> None:
    call(ledger, "cost-0.04,at-2026-11-21T00:00:00Z")


def pending(ledger: Ledger, sandbox: Sandbox) -> None:
    call(ledger, "cost-NaN,settled-0.06")


def unknown(ledger: Ledger, sandbox: Sandbox) -> None:
    with pytest.raises(errors.ProviderUnavailable):
        call(ledger, "error-500")


def rounded(ledger: Ledger, sandbox: Sandbox) -> None:
    for _ in range(3):
        call(ledger, "cost-1.4e-12")


PLANTED: dict[str, tuple[Callable[[Ledger, Sandbox], None], Decimal | None, Decimal]] = {
    "outside": (outside, Decimal("0.0123456789"), Decimal("0.0123456789")),
    "lost": (lost, Decimal("0.02"), Decimal("0.02")),
    "byok": (byok, Decimal("0.0003253"), Decimal(0)),
    "late_settlement": (late, Decimal("0.05"), Decimal("0.02")),
    "day_boundary": (midnight, Decimal("0.04"), Decimal(0)),
    "pending": (pending, Decimal("0.06"), Decimal("0.06")),
    "unknown": (unknown, None, Decimal(0)),
    "rounding": (rounded, Decimal("1e-12"), Decimal("1e-12")),
}


def plant(ledger: Ledger, sandbox: Sandbox, *names: str) -> None:
    with at(f"{DAY}T23:59:58Z"):
        usual(ledger)
        for name in names:
            PLANTED[name][0](ledger, sandbox)


def one(result: Reconciliation, kind: str) -> Line:
    (line,) = [line for line in result.lines if line.kind == kind]
    return line


def test_a_clean_ledger_has_nothing_to_explain(ledger: Ledger, sandbox: Sandbox) -> None:
    plant(ledger, sandbox)
    result = found(ledger)
    assert (result.lines, result.rest_pico, result.source) == ((), 0, "activity")
    assert result.ledger_pico == result.provider_pico > PICO // 10
    assert all(group.rest_pico == 0 for group in result.groups)
    whole(result)


@pytest.mark.parametrize("name", PLANTED)
def test_one_planted_thing_is_found_and_no_other(
    ledger: Ledger, sandbox: Sandbox, name: str
) -> None:
    plant(ledger, sandbox, name)
    result = found(ledger)
    assert kinds(result) == {name: 1}
    line, (_, amount, difference) = one(result, name), PLANTED[name]
    assert line.amount_pico == (None if amount is None else amount * PICO)
    assert line.difference_pico == difference * PICO
    assert line.key_hash == keys.key_hash(KEY)
    assert (line.day, line.ledger_day) == (
        ("2026-11-21", DAY) if name == "day_boundary" else (DAY, None)
    )
    whole(result)


def test_all_of_them_together_are_told_apart(ledger: Ledger, sandbox: Sandbox) -> None:
    plant(ledger, sandbox, *PLANTED)
    result = found(ledger)
    # What digits round away is not seen beside larger things in the same sum.
    assert kinds(result) == dict.fromkeys(PLANTED, 1)
    whole(result)
    for name, (_, amount, difference) in PLANTED.items():
        assert one(result, name).amount_pico == (None if amount is None else amount * PICO)
        assert one(result, name).difference_pico == difference * PICO


def test_a_lost_answer_is_found_by_our_own_id_where_it_was_sent(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    plant(ledger, sandbox)
    change_config(home / "api_json" / "openrouter_config.json", find_by_id=True)
    with at(f"{DAY}T23:59:59Z"):
        lost(ledger, sandbox)
        lost(ledger, sandbox)
    result = found(ledger)
    assert kinds(result) == {"lost": 2}
    assert not any(line.is_inferred for line in result.lines)
    whole(result)


def test_lost_answers_that_could_be_each_others_are_not_guessed(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    plant(ledger, sandbox, "lost", "lost")
    result = found(ledger)
    assert kinds(result) == {"unknown": 2, "outside": 2}
    whole(result)


def test_settled_afterwards_the_books_agree(ledger: Ledger, sandbox: Sandbox) -> None:
    plant(ledger, sandbox, "late_settlement", "pending", "day_boundary")
    ledger.settle()
    result = found(ledger)
    assert kinds(result) == {"day_boundary": 1}
    whole(result)


def test_today_is_compared_call_by_call_and_by_the_keys_counter(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    with at(f"{DAY}T10:00:00Z"):
        for name in ("outside", "lost", "byok", "late_settlement", "pending"):
            PLANTED[name][0](ledger, sandbox)
        usual(ledger)
    result = found(ledger, f"{DAY}T11:00:00Z")
    assert kinds(result) == dict.fromkeys(
        ("outside", "lost", "byok", "late_settlement", "pending"), 1
    )
    assert DAY in result.days
    whole(result)
    today, month = result.checks
    assert (today.what, month.what) == ("the key's use today", "the key's use this month")
    assert today.provider_pico == month.provider_pico == result.provider_pico
    assert today.rest_pico == month.rest_pico == 0
    assert today.explained_pico == result.provider_pico - result.ledger_pico


def test_a_call_that_leaves_or_enters_the_period_is_the_whole_difference(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    plant(ledger, sandbox, "day_boundary")
    before = found(ledger, since=DAY, until=DAY, month=None)
    after = found(ledger, since="2026-11-21", until="2026-11-21", month=None)
    assert kinds(before) == kinds(after) == {"day_boundary": 1}
    assert before.provider_pico - before.ledger_pico == -40_000_000_000
    assert after.provider_pico - after.ledger_pico == 40_000_000_000
    whole(before)
    whole(after)


# --- the account's credits --------------------------------------------------------------------


def test_credits_are_compared_between_any_two_looks(ledger: Ledger, sandbox: Sandbox) -> None:
    with at(f"{DAY}T10:00:00Z"):
        usual(ledger)
        first = ledger.reconcile(management_key=MANAGEMENT)
    assert "less than twice" in "".join(first.notes)
    with at(f"{DAY}T10:10:00Z"):
        call(ledger, "cost-0.5")
        sandbox.outside(model=MODEL, key=KEY, directives="cost-0.25")
        sandbox.outside(model=MODEL, key=OTHER, directives="cost-0.125")
    with at(f"{DAY}T10:20:00Z"):
        result = ledger.reconcile(management_key=MANAGEMENT)
    assert kinds(result) == {"outside": 1}
    *_, credits_ = result.checks
    assert credits_.what == f"credits used from {DAY}T10:00:00Z to {DAY}T10:20:00Z"
    assert credits_.provider_pico == 875 * PICO // 1000
    assert credits_.ledger_pico == 500 * PICO // 1000
    assert credits_.explained_pico == 375 * PICO // 1000
    assert result.rest_pico == 0
    assert credits_.note == "of it other keys of the account 0.125 USD"


# --- who is not told --------------------------------------------------------------------------


def test_an_ordinary_key_compares_its_own_counters_and_says_what_it_is_not_told(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    with at(f"{DAY}T10:00:00Z"):
        usual(ledger)
        result = ledger.reconcile()
    assert (result.source, result.days, result.lines) == ("key", (), ())
    assert [check.rest_pico for check in result.checks] == [0, 0]
    assert "An ordinary key knows its own counters" in result.notes[0]
    assert "OPENROUTER_MANAGEMENT_KEY" in result.notes[0]
    assert result.is_explained
    assert count(home, "credit_snapshot") == 0
    with at(f"{DAY}T10:05:00Z"):
        outside(ledger, sandbox)
        found_ = ledger.reconcile()
    assert not found_.is_explained
    assert found_.rest_pico == 12_345_678_900


def test_with_an_ordinary_key_a_call_of_unknown_cost_may_be_the_rest(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    with at(f"{DAY}T10:00:00Z"):
        usual(ledger)
        lost(ledger, sandbox)
        result = ledger.reconcile()
    assert kinds(result) == {"unknown": 1}
    assert result.is_explained
    assert {check.explained_pico for check in result.checks} == {20_000_000_000}
    assert "1 calls whose cost is not known may be all of it" in result.checks[0].note


def test_the_ledgers_own_key_may_be_a_management_key(home: Path, sandbox: Sandbox) -> None:
    with open_ledger(home, sandbox.base_url, api_key=MANAGEMENT) as ledger, at(f"{DAY}T10:00:00Z"):
        result = ledger.reconcile()
    assert result.source == "activity"
    assert (result.lines, result.rest_pico) == ((), 0)


# --- an export in place of the provider ---------------------------------------------------------


def export(path: Path, sandbox: Sandbox, *, single: bool) -> Path:
    """What the provider's page would export: sums, or every generation."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        sums: dict[tuple[str, str], list[Decimal]] = {}
        if single:
            rows.writerow(["generation_id", "created_at", "model_permaslug", "cost_total"])
        for item in sandbox.state.booked():
            at_, slug = item.call.started_at, f"{item.model}-2026-01-01"
            if single:
                rows.writerow([item.call.generation_id, at_.isoformat(), slug, item.call.charged])
            cell = sums.setdefault((f"{at_:%Y-%m-%d} 00:00:00", item.model), [Decimal(0)] * 3)
            for place, more in enumerate((item.call.charged, item.call.upstream, Decimal(1))):
                cell[place] += more
        if not single:
            rows.writerow(["Date", "Model", "Usage", "BYOK Usage Inference", "Requests"])
            rows.writerows([*names, *figures] for names, figures in sums.items())
    return path


@pytest.mark.parametrize("single", [True, False], ids=["generations", "sums"])
@pytest.mark.parametrize("name", ["", *PLANTED])
def test_an_export_of_the_provider_stands_for_it(
    ledger: Ledger, sandbox: Sandbox, tmp_path: Path, name: str, *, single: bool
) -> None:
    plant(ledger, sandbox, *([name] if name else []))
    path = export(tmp_path / "activity.csv", sandbox, single=single)
    sandbox.configure(refused_keys={KEY, MANAGEMENT})  # nobody is asked
    result = found(ledger, activity=path)
    assert result.source == "csv"
    if name == "late_settlement" and not single:
        assert result.rest_pico == 20_000_000_000  # sums don't say whose cost it is
        return
    if single:
        assert "doesn't say what BYOK providers charged" in "".join(result.notes)
    wanted = {"lost": "lost" if single else "unknown", "rounding": "" if single else name}
    assert kinds(result) == ({kind: 1} if (kind := wanted.get(name, name)) else {})
    whole(result)
