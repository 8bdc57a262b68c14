"""The typed rows, their sums and their JSON, without a database."""

import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.openrouter import exact
from ledger.reports import jsonout
from ledger.reports.rows import CallerUsage, UsageRow
from ledger.reports.totals import Totals


def a_row(caller: str | None, pico: int) -> CallerUsage:
    known: dict[str, Any] = dict.fromkeys(UsageRow.columns(), 0)
    known |= {name: "0.0" for name in known if name.endswith("_usd")}
    known |= {"caller": caller, "requests": 1, "total_pico": pico, "total_usd": "not summed"}
    return CallerUsage.model_validate(known)


def test_totals_add_up_integers_and_never_texts() -> None:
    totals = Totals.of([a_row("a", 1), a_row(None, 2**62), a_row("b", 5)])
    assert totals["total_pico"] == 2**62 + 6
    assert totals["requests"] == 3
    assert totals.usd("total_pico") == "4611686.01842738791"
    assert totals.as_json()["total_usd"] == Decimal("4611686.018427387910")


def test_totals_of_nothing_are_zero() -> None:
    assert set(Totals.of([]).sums.values()) == {0}


def test_a_row_is_its_bucket_and_then_the_columns_of_the_view() -> None:
    assert CallerUsage.columns()[0] == "caller"
    assert a_row("a", 1).bucket == "a"
    assert a_row(None, 1).bucket is None


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
