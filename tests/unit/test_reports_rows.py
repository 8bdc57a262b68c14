"""The typed rows and their JSON, without a database."""

import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.openrouter import exact
from ledger.reports import jsonout
from ledger.reports.usage.report import SUMS, ReportRow


def a_row(**given: Any) -> ReportRow:
    known: dict[str, Any] = dict.fromkeys(SUMS, 0)
    known |= {name: "0.0" for name in known if name.endswith("_usd")}
    return ReportRow.model_validate(known | given)


def test_a_row_is_its_buckets_and_then_the_figures() -> None:
    row = a_row(by=("caller", "day"), caller=None, day="2026-11-25")
    assert (row.bucket, row.buckets) == (None, (None, "2026-11-25"))
    assert row.labels(0) == ("(none)", "2026-11-25")
    assert a_row(by=("caller",), others=3).labels(0) == ("(3 others)",)


def test_what_was_declared_is_no_part_of_the_total() -> None:
    assert "declared_pico" in SUMS
    assert SUMS.index("total_pico") < SUMS.index("declared_pico")


def test_amounts_in_json_are_plain_exact_numbers() -> None:
    text = jsonout.document({"cost_usd": Decimal("1E-7"), "cost_pico": 100_000})
    assert '"cost_usd": 0.0000001' in text
    assert '"cost_pico": 100000' in text


def test_json_writes_results_whatever_they_are_made_of() -> None:
    @dataclasses.dataclass
    class Result:
        path: Path
        at: dt.datetime
        parts: tuple[Path, ...]

    result = Result(Path("a"), dt.datetime(2028, 2, 29, tzinfo=dt.UTC), (Path("b"),))
    assert exact.loads(jsonout.document(result)) == {
        "path": "a",
        "at": "2028-02-29T00:00:00.000000Z",
        "parts": ["b"],
    }


def test_json_refuses_floats() -> None:
    with pytest.raises(TypeError, match="float"):
        jsonout.document({"cost": 0.1})
