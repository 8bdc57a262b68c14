"""Every odd stream, cut in every way, through the public call: one result."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from callkit import CALLER, DRIVERS, only, open_ledger, rows
from streamkit import CASES, ID, Case

from ledger.calls.transports import async_recording, recording
from ledger.client import Ledger
from ledger.errors import LedgerError, ProviderError

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
BASE = "https://openrouter.ai/api/v1"
SPLITS = {"sync": 100, "async": 20}


class Scripted(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with a stream in exactly these parts, and breaks at its end if it is to."""

    def __init__(self) -> None:
        self.parts: Sequence[bytes] = ()
        self.breaks = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(_Parts(self.parts, self.breaks))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(_AsyncParts(self.parts, self.breaks))

    def _answer(self, stream: Any) -> httpx.Response:
        headers = {"content-type": "text/event-stream", "x-generation-id": ID}
        return httpx.Response(200, headers=headers, stream=stream)


class _Parts(httpx.SyncByteStream):
    def __init__(self, parts: Sequence[bytes], breaks: bool) -> None:  # noqa: FBT001 - a test's own
        self._parts, self._breaks = parts, breaks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        if self._breaks:
            raise httpx.ReadError("reset")


class _AsyncParts(httpx.AsyncByteStream):
    def __init__(self, parts: Sequence[bytes], breaks: bool) -> None:  # noqa: FBT001 - as above
        self._parts, self._breaks = parts, breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        if self._breaks:
            raise httpx.ReadError("reset")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams") / "home"


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def ledger(home: Path, scripted: Scripted) -> Iterator[Ledger]:
    url = f"sqlite:///{home / 'ledger.db'}?synchronous=NORMAL"
    with open_ledger(home, BASE, url=url) as opened:
        opened._sync = recording(scripted, opened.books.writer)
        opened._async = async_recording(scripted, opened.books.writer)
        yield opened


def splits(body: bytes, count: int, seed: int) -> Iterator[list[bytes]]:
    """The body whole, byte by byte, and cut at random places."""
    yield [body]
    step = 1 if len(body) < 20_000 else 997
    yield [body[at : at + step] for at in range(0, len(body), step)]
    dice = random.Random(seed)
    for _ in range(count):
        cuts = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randint(1, 40)))
        ends = [0, *cuts, len(body)]
        yield [body[start:end] for start, end in itertools.pairwise(ends)]


def read(ledger: Ledger) -> dict[str, Any]:
    """What a reader of a stream gets."""
    pieces: list[str] = []
    found: dict[str, Any] = {"error": None, "code": None, "calls": []}
    stream = None
    try:
        with ledger.stream_response("x", model=MODEL, caller=CALLER) as stream:
            pieces.extend(stream)
        found |= {"calls": stream.reply.tool_calls, "reply": str(stream.reply)}
    except LedgerError as error:
        found |= _of_error(error)
    return found | {"text": "".join(pieces)}


async def aread(ledger: Ledger) -> dict[str, Any]:
    pieces: list[str] = []
    found: dict[str, Any] = {"error": None, "code": None, "calls": []}
    try:
        async with ledger.astream_response("x", model=MODEL, caller=CALLER) as stream:
            async for piece in stream:
                pieces.append(piece)  # noqa: PERF401 - what came before an error counts
        found |= {"calls": stream.reply.tool_calls, "reply": str(stream.reply)}
    except LedgerError as error:
        found |= _of_error(error)
    return found | {"text": "".join(pieces)}


def _of_error(error: LedgerError) -> dict[str, Any]:
    code = error.error_code if isinstance(error, ProviderError) else None
    return {"error": type(error).__name__, "code": code, "reply": error.partial_text or ""}


def expected(case: Case) -> dict[str, Any]:
    return {
        "error": case.error,
        "code": case.code,
        "calls": list(case.calls),
        "reply": case.text,
        "text": case.text,
    }


LAST = (
    "select o.status, o.cost_grade, o.cost_pico, o.generation_id, o.model, o.provider, o.flags,"
    " o.prompt_tokens, o.usage_text, o.finish_reason, s.generation_id as begun"
    " from outcome o left join response_start s on s.id = o.id"
    " where o.id = (select max(id) from request)"
)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", CASES)
def test_an_odd_stream_comes_to_one_result_however_it_is_cut(
    ledger: Ledger, home: Path, scripted: Scripted, name: str, driver: str
) -> None:
    case = CASES[name]
    scripted.breaks = case.breaks
    booked = []
    with asyncio.Runner() if driver == "async" else contextlib.nullcontext() as runner:
        for scripted.parts in splits(case.body, SPLITS[driver], seed=len(name)):
            found = runner.run(aread(ledger)) if runner is not None else read(ledger)
            assert found == expected(case), scripted.parts
            ledger.books.writer.flush(5)
            booked.append(only(home, LAST))
    assert all(row == booked[0] for row in booked)
    row = booked[0]
    assert (row["status"], row["cost_grade"], row["flags"]) == (case.status, case.grade, case.flags)
    assert row["generation_id"] == row["begun"] == ID
    if case.grade == "reported":
        assert (row["cost_pico"], row["prompt_tokens"]) == (21_450_000, 19)
        assert '"cost":0.0000214500000000003' in row["usage_text"]


def test_every_request_of_these_has_its_outcome(ledger: Ledger, home: Path) -> None:
    ledger.books.writer.flush(5)
    assert rows(home, "select id from request_status where status = 'open'") == []
