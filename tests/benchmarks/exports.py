"""Time and peak memory of every way out of the books, beside `json.dumps` of the same rows.

    python tests/benchmarks/exports.py [--requests 1000000] [--json]

Each way is a process of its own, so that its peak is its own; the ledger is filled by plain SQL.
Times are of one run on one machine: what counts is how they compare, and whether memory grows
with the rows (measured at a tenth of them, and at all).
"""

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

CALLERS = 20
Figures = dict[str, dict[str, float]]

_OPEN = "import os, sys; from ledger.client import Ledger; ledger = Ledger(background=False); "
WAYS = {
    "nothing: the ledger is opened": "list(ledger.csv('caller_usage'))",
    "JSON files, the last 1,000 entries": "ledger.export()",
    "JSON files, again": "ledger.export()",
    "JSON files, --all": "ledger.export(every_entry=True)",
    "CSV of request_status": "ledger.export_csv(os.path.join(sys.argv[1], 'requests.csv'))",
    "json.dumps of request_status": (
        "import json, sqlite3; books = sqlite3.connect(ledger.books.path);"
        " books.row_factory = sqlite3.Row;"
        " rows = [dict(row) for row in books.execute('SELECT * FROM request_status')];"
        " open(os.path.join(sys.argv[1], 'dumped.json'), 'w').write(json.dumps(rows))"
    ),
}
"""In this order: the first export writes, the second finds nothing changed."""

_MEASURED = """
import resource, time
began = time.perf_counter()
{way}
took = time.perf_counter() - began
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) "
_AT = "strftime('%Y-%m-%dT%H:%M:%S', 1763892000 + i, 'unixepoch') || '.000000Z'"
_REQUEST = """
INSERT INTO request (id, process_id, caller_id, source, endpoint, base_url, model_asked,
    started_at, day)
SELECT printf('01a2%028d', i), :process, (SELECT id FROM caller WHERE name = 'c' || (i % 20)),
    'get_response', 'chat/completions', 'https://openrouter.ai/api/v1', 'openai/gpt-4o',
    {at}, substr({at}, 1, 10)
FROM n
"""
_OUTCOME = """
INSERT INTO outcome (id, ended_at, status, latency_ms, model, provider, prompt_tokens,
    completion_tokens, cost_pico, cost_grade, generation_id)
SELECT printf('01a2%028d', i), {at}, 'finished', 420, 'openai/gpt-4o', 'OpenAI', 120, 30,
    i * 1001, 'reported', 'gen-' || i
FROM n
"""


def fill(home: Path, count: int) -> None:
    """A ledger with that many finished requests, of twenty callers with folders of their own."""
    from ledger import Ledger

    folder = home.parent / "callers"
    with contextlib.closing(Ledger(home=home, background=False, api_key="-")) as ledger:
        ledger.upgrade()
        process = ledger.books.process
        ledger.books.writer.write(lambda _: None)  # the row of this process comes first
    books = sqlite3.connect(home / "ledger.db", isolation_level=None)
    books.execute("BEGIN")
    for number in range(CALLERS):
        place = folder / f"c{number}"
        (place / f"c{number}_json").mkdir(parents=True)
        books.execute(
            "INSERT INTO caller VALUES (?, ?, ?, ?, ?)",
            (f"01a1{number:028d}", process.id, "2025-11-23T10:00:00.000000Z", f"c{number}",
             str(place)),
        )  # fmt: skip
    for rows in (_REQUEST, _OUTCOME):
        sql = rows.partition("SELECT printf")
        books.execute(
            f"{sql[0]}{_NUMBERS}{sql[1]}{sql[2]}".replace("{at}", _AT),
            {"count": count, "process": process.id},
        )
    books.execute("COMMIT")
    books.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    books.close()


def measure(count: int) -> Figures:
    """Seconds and MiB of each way, at that many requests."""
    found: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        # In a process of its own too: what a parent ever held counts as its children's peak.
        filling = [sys.executable, __file__, "--fill", str(home), "--requests", str(count)]
        subprocess.run(filling, check=True)
        for title, way in WAYS.items():
            done = subprocess.run(
                [sys.executable, "-c", _MEASURED.format(way=_OPEN + way), name],
                env=os.environ | {"LEDGER_HOME": str(home)},
                capture_output=True,
                text=True,
                check=True,
            )
            seconds, peak = map(float, done.stdout.split())
            found[title] = {"seconds": round(seconds, 2), "peak_mib": round(peak, 1)}
        sizes = [path.stat().st_size for path in Path(name).rglob("*.json")]
        found["written"] = {"json_mib": round(sum(sizes) / 2**20, 1), "requests": count}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fill:
        fill(asked.fill, asked.requests)
        return
    found = {count: measure(count) for count in (asked.requests // 10, asked.requests)}
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for count, figures in found.items():
        print(f"{count} requests")
        for title, values in figures.items():
            print(f"  {title:<36} {values}")


if __name__ == "__main__":
    main()
