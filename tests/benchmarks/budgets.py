"""What budgets add to a call's time in the ledger: check, hold and release. Ratios of one run.

    python tests/benchmarks/budgets.py [--rounds 9] [--calls 300] [--rows 1000]

A call's time in the ledger is that of its two commits, the request's row and the outcome's, without
any HTTP. Every round takes each number of budgets in turn; the figure is the median over the rounds
of each one's time divided by that of the same call without budgets.
"""

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ledger import clock
from ledger.books.ids import new_id
from ledger.books.models import Outcome, Refusal, Request
from ledger.books.unit import Transaction
from ledger.client import Ledger
from ledger.errors import BudgetExceeded
from ledger.limits.claims import Claim, Ending, Taking
from ledger.limits.scopes import Facts

NUMBERS = (0, 1, 5, 20)
PLAIN = "no look at budgets"
FILL = """
INSERT INTO request (id, process_id, source, endpoint, base_url, started_at, day)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT printf('00000000-0000-7000-8000-%012d', i), (SELECT id FROM process), 'bench', 'chat',
    'https://example.test', '2026-01-01T00:00:00.000000Z', '2026-01-01' FROM n
"""
FILL_ENDS = """
INSERT INTO outcome (id, ended_at, status, cost_grade, cost_pico)
SELECT id, started_at, 'finished', 'reported', 1 FROM request WHERE source = 'bench'
"""


class Most:
    """What every call can cost."""

    def __call__(self) -> tuple[int, str]:
        return 2_000_000, "max_cost"

    def explain(self, refused: BudgetExceeded) -> None:
        """Nothing more."""


@contextlib.contextmanager
def prepared(folder: Path, synchronous: str, budgets: int, rows: int) -> Iterator[Ledger]:
    """A ledger of so many rows with so many budgets, all of which apply."""
    url = f"sqlite:///{folder}/{synchronous}-{budgets}.db?synchronous={synchronous}"
    ledger = Ledger(home=folder / "home", url=url, background=False)
    with contextlib.closing(ledger):
        ledger._open_once()

        def fill(transaction: Transaction) -> None:
            transaction.run(FILL, [rows])
            transaction.run(FILL_ENDS)

        ledger.books.writer.write(fill)
        for number in range(budgets):
            ledger.set_budget(f"b{number}", limit="1000000", per="month")
        yield ledger


def one_call(ledger: Ledger, *, looks: bool) -> None:
    """The two commits of a call."""
    now = clock.now()
    row = Request.booked(
        id=new_id(),
        process_id=ledger.books.process.id,
        source="get_response",
        endpoint="chat/completions",
        base_url="https://example.test",
        model_asked="maker/model",
        started_at=now,
        day=now.date().isoformat(),
    )
    ended = Outcome.booked(
        id=row.id, ended_at=now, status="finished", cost_grade="reported", cost_pico=1_000_000
    )
    if not looks:
        ledger.books.writer.write(row)
        ledger.books.writer.write(ended)
        return
    facts = Facts("flow_x", "flow_x", "maker/model", {})
    claim = Claim(ledger.gate, row, facts, Most(), lambda _refused: Refusal())
    claim.prepare()
    ledger.books.writer.write(Taking(claim, [row]))
    ledger.books.writer.write(Ending(claim, ended))


def timed(ledger: Ledger, calls: int, *, looks: bool) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        one_call(ledger, looks=looks)
    return time.perf_counter() - began


def measure(rounds: int, calls: int, rows: int) -> dict[str, dict[str, float]]:
    """Ratios by setting of the disk and number of budgets."""
    found: dict[str, dict[str, float]] = {}
    for synchronous in ("FULL", "NORMAL"):
        with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
            ways = {
                str(each): ends.enter_context(prepared(Path(name), synchronous, each, rows))
                for each in NUMBERS
            }
            seen: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                base = timed(ways["0"], calls, looks=True)
                took = {each: timed(ledger, calls, looks=True) for each, ledger in ways.items()}
                took[PLAIN] = timed(ways["0"], calls, looks=False)
                base = (base + took["0"]) / 2
                for each, seconds in took.items():
                    if number:  # the first warms up
                        seen.setdefault(each, []).append(seconds / base)
            found[synchronous] = {each: statistics.median(all_) for each, all_ in seen.items()}
    return found


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--rows", type=int, default=1000)
    given = parser.parse_args()
    print(json.dumps(measure(given.rounds, given.calls, given.rows), indent=2))


if __name__ == "__main__":
    main()
