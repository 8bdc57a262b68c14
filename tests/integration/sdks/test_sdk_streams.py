"""Odd streams through the SDKs: however one is odd, and cut, its row is the same.

What an SDK makes of an odd stream is its own affair: some raise, some go away in the middle, and
one asks again where an answer has no text.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drivers  # noqa: F401 - it lists the SDKs
import pytest
from callkit import open_ledger, rows
from sdkkit import SDKS, Sdk
from test_sdks import pytestmark

from ledger.sandbox import Sandbox

__all__ = ["pytestmark"]

ODDITIES = (
    *("tag-1", "keepalive", "bare-comments", "blank-lines", "crlf", "unknown-fields"),
    *("stream-usage-empty", "stream-usage-bare", "stream-usage-null", "debug-chunk", "no-done"),
    *("stream-error", "stream-error-int", "stream-error-late", "tool-call", "reasoning-only"),
    *("ends-early", "cut"),
)
LONG = "long-line-2000000"
ENDS = {
    "stream-error": "failed",
    "stream-error-int": "failed",
    "ends-early": "interrupted",
    "cut": "interrupted",
}
SPLITS = ("", ",split-1", ",split-7", ",split-64")
MANY = tuple(f",split-{size}" for size in random.Random(6).choices(range(1, 900), k=100))
# An end in the middle of a text: read as it is, every way to read it is one.
TEXT = "Grüße, 世界 und 🌍!"
SAME = "status, cost_grade, prompt_tokens, completion_tokens, cost_pico, model_asked"
streaming = pytest.mark.parametrize(
    "sdk", [sdk for sdk in SDKS if sdk.streamed], ids=lambda sdk: sdk.name
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def found(home: Path, sandbox: Sandbox, sdk: Sdk, splits: tuple[str, ...]) -> dict[str, set[Any]]:
    """The different rows of each oddity over all splits, settled."""
    sandbox.reset()
    calls = [(f"sandbox/{odd}{split}", TEXT) for odd in ODDITIES for split in splits]
    with open_ledger(home, sandbox.base_url) as ledger:
        sdk.calls(ledger, (*calls, (f"sandbox/{LONG}", TEXT)))
        ledger.settle()
    each = rows(home, f"select {SAME} from request_status order by id")
    assert len(each) == len(sandbox.calls)
    first: dict[str, Any] = {}
    for row in each:  # who asks again says more then, which costs more
        first.setdefault(row.pop("model_asked"), tuple(row.values()))
    ways: dict[str, set[Any]] = {}
    for model, row in first.items():
        odd = model.removeprefix("sandbox/").partition(",")[0]
        ways.setdefault(odd, set()).add(row)
    return ways


def check(sdk: Sdk, ways: dict[str, set[Any]]) -> None:
    """One row an oddity, with the end that it deserves and a cost."""
    late = {"stream-error-late": "failed"} if sdk.endpoint == "chat/completions" else {}
    for odd in (*ODDITIES, LONG):
        ((status, grade, prompt, completion, cost),) = ways[odd]
        assert (status, grade) == ((ENDS | late).get(odd, "finished"), "settled"), odd
        assert min(prompt, completion, cost) > 0, odd


@streaming
def test_an_odd_stream_is_one_row_however_it_is_cut(
    sdk: Sdk, tmp_path: Path, sandbox: Sandbox
) -> None:
    check(sdk, found(tmp_path / "home", sandbox, sdk, SPLITS))


@pytest.mark.long
@streaming
def test_an_odd_stream_is_one_row_however_it_is_cut_100_times(
    sdk: Sdk, tmp_path: Path, sandbox: Sandbox
) -> None:
    check(sdk, found(tmp_path / "home", sandbox, sdk, MANY))
