"""A fork in the middle of a stream: the stream is the parent's, and its end is booked once."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from callkit import CALLER, count, only, open_ledger, rows
from test_forks import ended_well, forked

from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork"),
]
MODEL = "sandbox/drip-5,chunks-20"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with Sandbox(generation_delay_s=0) as sandbox, open_ledger(home, sandbox.base_url) as opened:
        yield opened


@pytest.mark.parametrize("way", ["close", "drop", "nothing"])
def test_a_child_neither_ends_nor_books_its_parents_stream(
    ledger: Ledger, home: Path, way: str
) -> None:
    holder = [ledger.stream_response("x y z", model=MODEL, caller=CALLER)]
    first = next(holder[0])

    def child() -> None:
        if way == "close":
            holder[0].close()
        elif way == "drop":
            holder.clear()
            gc.collect()
        ledger.books.writer.flush(5)

    assert ended_well(forked(child))
    pieces = [first, *holder[0]]
    assert "".join(pieces) == holder[0].reply
    assert only(home, "select status, cost_grade from outcome") == {
        "status": "finished",
        "cost_grade": "reported",
    }


def test_a_child_streams_by_itself(ledger: Ledger, home: Path) -> None:
    reading = ledger.stream_response("x y z", model=MODEL, caller=CALLER)
    next(reading)

    def child() -> None:
        own = ledger.stream_response("a b c", model=MODEL, caller=CALLER)
        assert "".join(own) == own.reply
        with ledger.stream_response("a b c", model=MODEL, caller=CALLER) as left:
            next(left)
        ledger.close()

    assert ended_well(forked(child))
    reading.close()
    ledger.books.writer.flush(5)
    found = rows(home, "select status from outcome order by id")
    assert sorted(row["status"] for row in found) == ["cancelled", "cancelled", "finished"]
    assert count(home, "response_start") == 3
