"""Views as Parquet: exact, in groups of rows, and under the names that others know."""

import csv
import io
import sys
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from export_rows import START, Rows, open_rows

from ledger.__main__ import main
from ledger.client import Ledger
from ledger.errors import QuestionInvalid, RequestInvalid, SnapshotFailed
from ledger.exchange import parquet as writing
from ledger.exchange import views

parquet: Any = pytest.importorskip("pyarrow.parquet")


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


def test_what_is_written_is_what_the_view_has_digit_for_digit(
    rows: Rows, ledger: Ledger, tmp_path: Path
) -> None:
    caller = rows.caller("flow", None)
    for pico in (1, 2**63 - 1, None):
        rows.call(caller, pico, model="=a/b", prompt_tokens=2**53, generation_id=f"gen-{pico}")
    rows.generation("gen-1", 2, tokens_prompt=7, streamed=True)
    rows.book()
    made = ledger.export_parquet(tmp_path / "x.parquet")
    table = parquet.read_table(tmp_path / "x.parquet")
    found, seen = table.to_pylist(), list(ledger.requests())
    assert (made.rows, made.view, len(found)) == (3, "request_status", 3)
    assert [row["id"] for row in found] == [row.id for row in seen]
    assert [row["cost_pico"] for row in found] == [2, 2**63 - 1, None]
    assert [row["cost_usd"] for row in found] == [
        Decimal("0.000000000002"), Decimal("9223372.036854775807"), None,
    ]  # fmt: skip
    assert found[0]["started_at"] == START
    assert found[0]["model"] == "=a/b"
    assert str(table.schema.field("total_usd").type) == "decimal128(38, 12)"
    assert list(table.schema.names) == list(type(seen[0]).columns())
    assert not ledger.export_parquet(tmp_path / "x.parquet").written


def test_every_view_has_the_same_types_with_rows_and_without(
    rows: Rows, ledger: Ledger, tmp_path: Path
) -> None:
    rows.book()
    every = views.public_views("sqlite")
    empty = {}
    for view in every:
        ledger.export_parquet(tmp_path / "x.parquet", view)
        empty[view] = parquet.read_schema(tmp_path / "x.parquet")
    rows.call(rows.caller("flow", None), 5, generation_id="gen-1", model="m", provider="p")
    rows.generation("gen-1", 2, streamed=True, is_byok=False, app_id=7, latency_ms=3)
    rows.call(rows.caller("other", None), None, cost_grade="pending", generation_id="gen-2")
    rows.book()
    for view in every:
        ledger.export_parquet(tmp_path / "x.parquet", view)
        assert parquet.read_schema(tmp_path / "x.parquet") == empty[view], view


def test_names_may_be_those_of_opentelemetry(rows: Rows, ledger: Ledger, tmp_path: Path) -> None:
    rows.call(rows.caller("flow", None), 5, generation_id="gen-1", model="m", prompt_tokens=3)
    rows.book()
    ledger.export_parquet(tmp_path / "x.parquet", names="otel")
    (row,) = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert row["gen_ai.response.id"] == "gen-1"
    assert (row["gen_ai.response.model"], row["gen_ai.usage.input_tokens"]) == ("m", 3)
    text = b"".join(ledger.csv(names="otel")).decode()
    (again,) = csv.DictReader(io.StringIO(text, newline=""))
    assert list(again) == list(row)
    assert again["total_usd"] == "0.000000000005"
    for view in views.public_views("sqlite"):
        header = next(csv.reader(io.StringIO(b"".join(ledger.csv(view, names="otel")).decode())))
        assert len(set(header)) == len(header), view


def test_many_rows_are_written_in_groups_and_take_little_memory(
    rows: Rows, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_ROWS_A_GROUP", 1000)
    caller = rows.caller("flow", None)
    for number in range(8000):
        rows.call(caller, number, model="openai/gpt-4o")
    rows.book()
    ledger.export_parquet(tmp_path / "warm.parquet", "caller_usage")
    tracemalloc.start()
    try:
        ledger.export_parquet(tmp_path / "x.parquet")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parquet.ParquetFile(tmp_path / "x.parquet").num_row_groups == 8
    assert peak < 6_000_000


def test_the_command_and_what_it_refuses(
    rows: Rows, ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rows.call(rows.caller("flow", None), 5)
    rows.book()
    home, to = str(rows.home), str(tmp_path / "x.parquet")
    assert main(["export", "--format", "parquet", "--to", to, "--home", home]) == 0
    assert capsys.readouterr().out.strip() == f"{to}: 1 rows of request_status"
    assert main(["export", "--format", "parquet", "--home", home]) == 2
    assert main(["export", "--names", "otel", "--home", home]) == 2
    assert main(["export", "--format", "csv", "--names", "theirs", "--home", home]) == 2
    with pytest.raises(RequestInvalid):
        ledger.export_parquet(to, "request")
    with pytest.raises(QuestionInvalid):
        ledger.export_parquet(to, names="theirs")  # type: ignore[arg-type]
    with pytest.raises(SnapshotFailed, match="nowhere"):
        ledger.export_parquet(tmp_path / "nowhere" / "x.parquet")
    before = (tmp_path / "x.parquet").read_bytes()

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SnapshotFailed, match=r"\[parquet\]"):
        ledger.export_parquet(to)
    assert (tmp_path / "x.parquet").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.parquet"]
