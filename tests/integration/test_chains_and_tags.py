"""Chains and tags in the books: their rows, their views, their reports."""

import asyncio
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from callkit import call, failure, only, open_ledger, rows

import ledger as public
from ledger import errors
from ledger.client import Ledger
from ledger.client.ledger import default, reset_default
from ledger.sandbox import Sandbox

if TYPE_CHECKING:
    pass

MODEL = "openai/gpt-4o-mini"
ROOT = Path(public.__file__).parents[1]
DRIVERS = ("sync", "async")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


# --- tags -------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_tags_are_rows_beside_the_request_and_are_not_sent(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    with public.caller(tags={"env": "test", "task": "outer"}):
        reply = call(ledger, driver, model=MODEL, tags={"task": "summary", "note": "a=b, ü 🦉"})
    call(ledger, driver, model=MODEL)
    found = rows(home, "select request_id, key, value from request_tag order by key")
    assert [(row["key"], row["value"]) for row in found] == [
        ("env", "test"),
        ("note", "a=b, ü 🦉"),
        ("task", "summary"),
    ]
    assert {row["request_id"] for row in found} == {reply.request_id}
    assert all("tags" not in made.params for made in sandbox.calls)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_bad_tag_is_refused_before_anything_is_sent(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    error = failure(ledger, driver, model=MODEL, tags={"a b": "x"})
    assert isinstance(error, errors.TagInvalid)
    assert sandbox.calls == []
    assert only(home, "select reason from refusal")["reason"] == "TagInvalid"


def test_a_report_by_tag_and_by_the_values_of_one_key(ledger: Ledger, sandbox: Sandbox) -> None:
    spent: Counter[str | None] = Counter()
    for number, tags in enumerate(
        [{"task": "a", "env": "x"}, {"task": "b"}, {"task": "a"}, {}, {"env": "x"}]
    ):
        sandbox.reply(cost=f"0.00{number + 1}", times=1)
        ledger.get_response("Hello", MODEL, "flow_x", tags=tags)
        for tag in tags.items():
            spent["=".join(tag)] += number + 1
        if "task" not in tags:
            spent[None] += number + 1
    found = {row.bucket: Decimal(row.total_usd) * 1000 for row in ledger.report("tag")}
    assert found == {tag: amount for tag, amount in spent.items() if tag} | {None: 4}
    of_task = {row.bucket: Decimal(row.total_usd) * 1000 for row in ledger.report("tag", of="task")}
    assert of_task == {tag: spent[tag] for tag in (None, "task=a", "task=b")}
    assert sum(of_task.values()) == 15
    assert [row.requests for row in ledger.report("tag", of="no_such_key")] == [5]
    with pytest.raises(errors.QuestionInvalid):
        ledger.report("day", of="task")


# --- chains -----------------------------------------------------------------------------------


def test_a_chain_that_runs_in_a_circle_is_a_refusal(ledger: Ledger, home: Path) -> None:
    chain = "->".join(f"s{n}" for n in range(33))
    assert isinstance(failure(ledger, "sync", model=MODEL, caller=chain), errors.ChainTooDeep)
    assert only(home, "select reason from refusal")["reason"] == "ChainTooDeep"


def test_a_member_has_what_went_through_it_once_and_what_it_did_itself(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    chains = ["a", "a->b", "a->b->a", "b->c", "multi_skill:a->b->c", "c"]
    for number, chain in enumerate(chains):
        sandbox.reply(cost=f"0.0{2**number}", times=1)
        ledger.get_response("Hello", MODEL, chain)
    found: dict[str | None, Any] = {row.bucket: row for row in ledger.report("member")}
    assert {name: row.requests for name, row in found.items()} == {"a": 4, "b": 4, "c": 3}
    assert {name: row.own_requests for name, row in found.items()} == {"a": 2, "b": 1, "c": 3}
    cents = {name: (row.total_pico, row.own_total_pico) for name, row in found.items()}
    assert sum(own for _, own in cents.values()) == sum(
        row.total_pico for row in ledger.report("caller")
    )
    assert found["a"].own_total_usd == str(Decimal("0.01") + Decimal("0.04")), (
        "a->b->a is a's own, once"
    )


def test_a_renamed_member_keeps_its_history(ledger: Ledger) -> None:
    for chain in ("old_name", "a->old_name", "old_name->b", "new_name->b"):
        ledger.get_response("Hello", MODEL, chain)
    ledger.rename_caller("old_name", "shown_name")
    found: dict[str | None, Any] = {row.bucket: row for row in ledger.report("member")}
    assert {name: (row.requests, row.own_requests) for name, row in found.items()} == {
        "a": (1, 0),
        "b": (2, 2),
        "new_name": (1, 0),
        "shown_name": (3, 2),
    }


PARTS = """
import asyncio, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import ledger

MODEL = "openai/gpt-4o-mini"

def ask(count):
    for _ in range(count):
        ledger.get_response("Hello", model=MODEL)

async def aask(count):
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(ledger.aget_response("Hello", model=MODEL))
"""
ORCHESTRATOR = """
import skill1, skill2

@ledger.caller("orchestrator")
def main():
    ask(1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ledger.carry(skill1.run), range(1, 5)))

main()
"""
SKILL1 = """
import skill2

def run(number):
    with ledger.caller("skill1"):
        ask(number)
        asyncio.run(skill2.run(number))
"""
SKILL2 = """
async def run(number):
    with ledger.caller("skill2"):
        await aask(number)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(child(number))

async def child(number):
    with ledger.caller(tags={"number": str(number)}):
        env = ledger.child_env()
    if number == 1:
        done = await asyncio.create_subprocess_exec(sys.executable, "skill3.py", env=env)
        assert await done.wait() == 0
"""
SKILL3 = """
ask(3)
"""


def test_a_chain_of_four_modules_adds_up_over_threads_tasks_and_processes(
    ledger_sandbox: "Sandbox", tmp_path: Path
) -> None:
    """Own figures of each module, counted from what each was told to do; then those above it."""
    folder = tmp_path / "callers" / "skills_multi"
    folder.mkdir(parents=True)
    modules = {"orchestrator": ORCHESTRATOR, "skill1": SKILL1, "skill2": SKILL2, "skill3": SKILL3}
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(PARTS) + code, "utf-8")
    cost = Decimal("0.000123")
    ledger_sandbox.reply(cost=str(cost))
    done = subprocess.run(
        [sys.executable, "-W", "error", "orchestrator.py"],
        cwd=folder,
        env=public.child_env() | {"PYTHONPATH": str(ROOT), "LEDGER_BACKGROUND": "0"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = sum(range(1, 5))
    own = {"orchestrator": 1, "skill1": told, "skill2": told, "skill3": 2 * 3}
    order = list(own)
    assert len(ledger_sandbox.calls) == sum(own.values()) == 27
    chains = ["->".join(order[: depth + 1]) for depth in range(4)]
    home = ledger_sandbox.home
    assert home is not None
    booked = rows(home, "select chain, count(*) as n from request group by chain order by chain")
    assert {row["chain"]: row["n"] for row in booked} == dict(
        zip(chains, own.values(), strict=True)
    )
    settled = default()
    try:
        found = {row.bucket: row for row in settled.report("member")}
        by_tag = {row.bucket: row.requests for row in settled.report("tag")}
    finally:
        reset_default()
    assert set(found) == set(order)
    for depth, name in enumerate(order):
        row: Any = found[name]
        inclusive = sum(own[below] for below in order[depth:])
        assert (row.requests, row.own_requests) == (inclusive, own[name]), name
        assert Decimal(row.total_usd) == cost * inclusive
        assert Decimal(row.own_total_usd) == cost * own[name]
    assert by_tag == {"number=1": own["skill3"], None: sum(own.values()) - own["skill3"]}


def test_threads_of_a_pool_without_carry_are_not_in_the_chain(ledger: Ledger, home: Path) -> None:
    def ask(name: str) -> str:
        return ledger.get_response("Hello", MODEL, name)

    async def main() -> None:
        await asyncio.gather(*(ledger.aget_response("Hello", MODEL, "task") for _ in range(3)))

    with ThreadPoolExecutor(2) as pool, public.caller("outer"):
        pool.submit(ask, "bare").result()
        pool.submit(public.carry(ask), "carried").result()
        asyncio.run(main())
    found = rows(home, "select distinct chain from request order by chain")
    assert [row["chain"] for row in found] == ["bare", "outer->carried", "outer->task"]
