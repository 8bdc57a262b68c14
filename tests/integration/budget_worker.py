"""A process that calls until its budget has no room: `python budget_worker.py HOME ...`."""

import contextlib
import random
import sys
import threading

from ledger import clock, errors
from ledger.client import Ledger

HOLD = "0.02"
KEY = "sk-or-v1-" + "ab" * 32


def work(ledger: Ledger, seed: str, patience_s: float) -> None:
    """Call at random costs, until nothing fits any more and nothing is held that may come back."""
    rng = random.Random(seed)
    until: float | None = None
    while True:
        model = f"sandbox/cost-0.{rng.randint(1, 20):03d}"
        try:
            ledger.get_response("Hi", model, "worker", max_cost=HOLD)
            until = None
        except errors.BudgetExceeded as refused:
            until = until or clock.monotonic() + patience_s
            if not refused.held or clock.monotonic() > until:
                return
            clock.sleep(rng.uniform(0.05, 0.4))


def main(  # noqa: PLR0913, PLR0917 - its arguments
    home: str, base_url: str, url: str, seed: str, threads: str, patience_s: str
) -> None:
    """Run so many threads of it."""
    ledger = Ledger(home=home, url=url or None, base_url=base_url, api_key=KEY, background=False)
    with contextlib.closing(ledger):
        all_ = [
            threading.Thread(target=work, args=(ledger, f"{seed}-{number}", float(patience_s)))
            for number in range(int(threads))
        ]
        for each in all_:
            each.start()
        for each in all_:
            each.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
