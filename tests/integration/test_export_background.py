import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import engines
import pytest
from export_rows import Rows, exact, open_rows

from ledger import clock
from ledger.books.lockfile import LockFile, fcntl
from ledger.exchange.background import AutoExporter
from ledger.exchange.snapshots import LOCK_FILE, ExportReport, export


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, in the test's hands: what it says is the list's only item."""
    at = [1000.0]
    monkeypatch.setattr(clock.Real, "monotonic", lambda: at[0])
    return at


def _total(rows: Rows) -> int:
    data = exact(rows.home / "api_json/openrouter_data.json")["data"]
    return int(data["total_requests"])


def _nothing(report: ExportReport | None) -> bool:
    """A server tells of changes in its other databases too: then there was a look in vain."""
    return report is None or (engines.server() is not None and not report.written)


def test_it_exports_what_changed_and_only_then(rows: Rows, steps: list[float]) -> None:
    exporter = AutoExporter(rows.books, rows.home)
    assert exporter.run() is not None
    assert _nothing(exporter.run())
    request = rows.request(rows.caller("x", None))
    rows.book()
    assert exporter.run() is not None
    assert _total(rows) == 1
    assert _nothing(exporter.run())
    rows.outcome(request, 1)
    rows.book()
    report = exporter.run()
    assert report is not None
    assert len(report.written) == 5
    assert _nothing(exporter.run())


def test_it_sees_what_another_process_booked(rows: Rows, steps: list[float]) -> None:
    exporter = AutoExporter(rows.books, rows.home)
    exporter.run()
    script = (
        "import sys; from pathlib import Path; from export_rows import open_rows;"
        "rows = open_rows(Path(sys.argv[1])); rows.call(rows.caller('x', None), 1); rows.book()"
    )
    command = [sys.executable, "-c", script, str(rows.home)]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}, check=True)
    assert exporter.run() is not None
    assert _total(rows) == 1


@pytest.mark.one_engine
def test_a_look_at_unchanged_books_is_cheap(rows: Rows) -> None:
    caller = rows.caller("x", None)
    for number in range(5000):
        rows.call(caller, number)
    rows.book()
    exporter = AutoExporter(rows.books, rows.home)
    start = clock.monotonic()
    assert exporter.run(at_once=True) is not None
    full = clock.monotonic() - start
    start = clock.monotonic()
    assert exporter.run(at_once=True) is None
    assert clock.monotonic() - start < full / 5


def test_a_slow_export_is_not_repeated_soon(rows: Rows, steps: list[float]) -> None:
    exporter = AutoExporter(rows.books, rows.home)
    rows.caller("x", None)
    real = exporter._export

    def slow(*, at_once: bool) -> object:
        steps[0] += 10
        return real(at_once=at_once)

    exporter._export = slow  # type: ignore[method-assign, assignment]
    assert exporter.run() is not None
    rows.book()
    steps[0] += 100
    assert exporter.run() is None
    steps[0] += 100
    assert exporter.run() is not None


def test_the_last_run_puts_nothing_off(rows: Rows, steps: list[float]) -> None:
    exporter = AutoExporter(rows.books, rows.home)
    exporter.run()
    exporter._not_before = steps[0] + 100
    rows.caller("x", None)
    rows.book()
    assert exporter.run() is None
    assert exporter.run(at_once=True) is not None


def test_it_can_be_switched_off(rows: Rows, steps: list[float]) -> None:
    export(rows.books, rows.home)
    path = rows.home / "api_json/openrouter_config.json"
    document = json.loads(path.read_text())
    document["config"]["auto_export"] = False
    path.write_text(json.dumps(document))
    rows.call(rows.caller("x", None), 1)
    rows.book()
    assert AutoExporter(rows.books, rows.home).run(at_once=True) is None
    assert _total(rows) == 0


@pytest.mark.skipif(fcntl is None, reason="the platform has no such locks")
def test_while_another_exports_it_waits_for_its_next_turn(rows: Rows, steps: list[float]) -> None:
    exporter = AutoExporter(rows.books, rows.home)
    export(rows.books, rows.home)
    rows.call(rows.caller("x", None), 1)
    rows.book()
    other = LockFile(rows.home / LOCK_FILE)
    other.lock()
    assert exporter.run() is None
    last = threading.Thread(target=exporter.run, kwargs={"at_once": True})
    last.start()
    last.join(0.2)
    assert last.is_alive()
    assert _total(rows) == 0
    other.unlock()
    last.join()
    other.close()
    assert _total(rows) == 1
