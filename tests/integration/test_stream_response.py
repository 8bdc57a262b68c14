"""`stream_response` and `astream_response`: what they hand on, how they end, what is booked."""

import asyncio
import contextlib
import gc
import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, DRIVERS, call, count, only, open_ledger, rows
from rawserver import RawServer, answer, read_request
from streamkit import DONE, END, FIRST, ID, LAST, PLAIN, say

import ledger as public
from ledger import clock, errors
from ledger.calls.reply import Reply
from ledger.client import Ledger
from ledger.openrouter import folding
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
CLOSE = b"\r\nConnection: close\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Generation-Id: "


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(generation_delay_s=0) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def stream(ledger: Ledger, driver: str, **asked: Any) -> tuple[list[str], Reply]:
    """A stream read to its end by either driver: the pieces and the reply."""
    asked = {"messages": "Hello there", "model": MODEL, "caller": CALLER} | asked
    if driver == "sync":
        reading = ledger.stream_response(**asked)
        return list(reading), reading.reply

    async def main() -> tuple[list[str], Reply]:
        reading = ledger.astream_response(**asked)
        return [piece async for piece in reading], reading.reply

    return asyncio.run(main())


def fault(ledger: Ledger, driver: str, **asked: Any) -> errors.LedgerError:
    with pytest.raises(errors.LedgerError) as caught:
        stream(ledger, driver, **asked)
    return caught.value


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_stream_ends_with_the_reply_that_the_whole_answer_would_be(
    ledger: Ledger, home: Path, driver: str
) -> None:
    pieces, reply = stream(ledger, driver)
    whole = call(ledger, "sync", model=MODEL)
    assert len(pieces) > 1
    assert "".join(pieces) == reply == whole
    assert isinstance(reply, Reply)
    assert (reply.cost, reply.usage, reply.finish_reason) == (
        whole.cost,
        whole.usage,
        whole.finish_reason,
    )
    assert reply.raw["choices"][0]["message"]["content"] == whole
    streamed, other = rows(
        home,
        "select status, cost_grade, cost_pico, prompt_tokens, completion_tokens, model, provider"
        " from request_status order by id",
    )
    assert streamed == other
    found = rows(home, "select source, streamed, endpoint from request order by id")
    assert [tuple(row.values()) for row in found] == [
        ("stream_response", 1, "chat/completions"),
        ("get_response", 0, "chat/completions"),
    ]


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_parameter_and_the_stream_reach_the_server(
    ledger: Ledger, sandbox: Sandbox, driver: str
) -> None:
    stream(ledger, driver, temperature=0.25, stop=["x"], user="someone")
    body = sandbox.calls[-1].params
    assert body == {"stream": True, "temperature": 0.25, "stop": ["x"], "user": "someone"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_tool_calls_come_with_the_reply(ledger: Ledger, driver: str) -> None:
    _, reply = stream(ledger, driver, model="sandbox/tool-call")
    whole = call(ledger, "sync", model="sandbox/tool-call")
    names = [each["function"]["name"] for each in reply.tool_calls]
    assert names == [each["function"]["name"] for each in whole.tool_calls]
    assert reply.tool_calls[0]["function"] == whole.tool_calls[0]["function"]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("model", ["sandbox/error-429", "sandbox/html", "sandbox/error-200"])
def test_a_failure_before_the_stream_is_the_error_of_a_whole_call(
    ledger: Ledger, home: Path, driver: str, model: str
) -> None:
    mine = fault(ledger, driver, model=model)
    with pytest.raises(errors.LedgerError) as whole:
        call(ledger, driver, model=model)
    assert type(mine) is type(whole.value)
    first, second = rows(home, "select status, cost_grade, error_type from outcome order by id")
    assert first == second


def test_a_sync_stream_fails_where_it_is_called(ledger: Ledger) -> None:
    with pytest.raises(errors.RateLimited):
        ledger.stream_response("x", model="sandbox/error-429", caller=CALLER)


def test_an_async_stream_fails_at_its_first_step(ledger: Ledger) -> None:
    async def main() -> None:
        reading = ledger.astream_response("x", model="sandbox/error-429", caller=CALLER)
        with pytest.raises(errors.RateLimited):
            async with reading:
                pass

    asyncio.run(main())


@pytest.mark.parametrize("driver", DRIVERS)
def test_refusals_are_those_of_a_whole_call(ledger: Ledger, home: Path, driver: str) -> None:
    assert type(fault(ledger, driver, model=None)) is errors.CallerProvisioned
    assert type(fault(ledger, driver, model=None)) is errors.ModelRequired
    assert type(fault(ledger, driver, stream=False)) is errors.RequestInvalid
    found = rows(home, "select source, reason from refusal order by id")
    assert {row["source"] for row in found} == {"stream_response"}
    assert len(found) == 3
    assert count(home, "request") == 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_get_response_names_what_streams(ledger: Ledger, driver: str) -> None:
    with pytest.raises(errors.RequestInvalid, match="stream_response"):
        call(ledger, driver, model=MODEL, stream=True)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_server_that_answers_whole_gives_its_text_in_one_piece(home: Path, driver: str) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer())

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        pieces, reply = stream(ledger, driver)
    assert (pieces, str(reply)) == (["raw"], "raw")
    assert only(home, "select status from outcome")["status"] == "finished"


class Held:
    """Serves the beginning of a stream, and the rest when it is told to."""

    def __init__(self, rest: bytes = LAST + END + DONE) -> None:
        self.rest = rest
        self.go = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + ID.encode() + CLOSE + FIRST + say("One"))
        connection.settimeout(0.02)
        while not self.go.is_set():
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1):
                    return
        connection.sendall(self.rest)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_first_token_is_handed_on_at_once(home: Path, driver: str) -> None:
    held = Held()
    with RawServer(held) as server, open_ledger(home, server.base_url) as ledger:
        asked: dict[str, Any] = {"model": MODEL, "caller": CALLER, "timeout": 20}
        if driver == "sync":
            reading = ledger.stream_response("x", **asked)
            assert next(reading) == "One"
            assert reading.generation_id == ID
            held.go.set()
            assert list(reading) == []
        else:

            async def main() -> None:
                reading = ledger.astream_response("x", **asked)
                assert await anext(reading) == "One"
                assert reading.generation_id == ID
                held.go.set()
                assert [piece async for piece in reading] == []

            asyncio.run(main())
    assert only(home, "select status from outcome")["status"] == "finished"


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_deadline_holds_for_a_stream_without_end(
    ledger: Ledger, home: Path, driver: str
) -> None:
    began = clock.monotonic()
    error = fault(ledger, driver, model="sandbox/endless,drip-2", timeout=0.6)
    assert clock.monotonic() - began < 3
    assert type(error) is errors.DeadlineExceeded
    assert error.partial_text
    found = only(home, "select status, cost_grade from outcome")
    assert tuple(found.values()) == ("interrupted", "pending")


@pytest.mark.parametrize("driver", DRIVERS)
def test_silence_in_a_stream_is_an_error_with_what_had_come(home: Path, driver: str) -> None:
    from callkit import change_config

    with RawServer(Held()) as server, open_ledger(home, server.base_url) as ledger:
        ledger.desk.open()
        change_config(home / "api_json" / "openrouter_config.json", timeout_seconds=1)
        error = fault(ledger, driver)
    assert type(error) is errors.SilenceTimeout
    assert error.partial_text == "One"
    assert "One" not in str(error) + repr(error)


def test_a_reply_is_there_once_the_stream_has_ended(ledger: Ledger) -> None:
    with ledger.stream_response("x", model=MODEL, caller=CALLER) as reading:
        with pytest.raises(errors.LedgerError, match="has no reply"):
            _ = reading.reply
        for _ in reading:
            pass
        assert reading.reply == "Echo: x"
    assert reading.reply.request_id == reading.request_id
    assert list(reading) == []


def test_it_can_be_delegated_to_and_returns_the_reply(ledger: Ledger) -> None:
    def inner() -> Any:
        return (yield from ledger.stream_response("x", model=MODEL, caller=CALLER))

    generator, pieces, reply = inner(), [], None
    while reply is None:
        try:
            pieces.append(next(generator))
        except StopIteration as end:
            reply = end.value
    assert isinstance(reply, Reply)
    assert "".join(pieces) == reply


# --- left before its end ------------------------------------------------------------------


def _closed(server: RawServer) -> None:
    until = clock.monotonic() + 5
    while server.open and clock.monotonic() < until:
        clock.sleep(0.005)
    assert not server.open


def _leave_sync(ledger: Ledger, way: str) -> None:
    reading: Any = ledger.stream_response("x", model=MODEL, caller=CALLER)
    assert next(reading) == "One"
    if way == "close":
        reading.close()
    elif way == "drop":
        del reading
    elif way == "cycle":
        holder: list[Any] = [reading]
        holder.append(holder)
        del holder, reading
        gc.collect()
    else:
        with pytest.raises(ZeroDivisionError), reading:
            raise ZeroDivisionError


async def _leave_async(ledger: Ledger, way: str) -> None:
    reading: Any = ledger.astream_response("x", model=MODEL, caller=CALLER)
    assert await anext(reading) == "One"
    if way == "close":
        await reading.aclose()
    elif way in ("drop", "cycle"):
        holder: list[Any] = [reading]
        if way == "cycle":
            holder.append(holder)
        del holder, reading
        gc.collect()
        await asyncio.sleep(0.05)
    else:
        with pytest.raises(ZeroDivisionError):
            async with reading:
                raise ZeroDivisionError


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("way", ["close", "drop", "cycle", "with"])
def test_a_stream_that_is_left_is_closed_and_booked_as_cancelled(
    home: Path, driver: str, way: str
) -> None:
    with RawServer(Held()) as server, open_ledger(home, server.base_url) as ledger:
        if driver == "sync":
            _leave_sync(ledger, way)
        else:
            asyncio.run(_leave_async(ledger, way))
        ledger.books.writer.flush(5)
        found = only(home, "select status, cost_grade, generation_id, model from outcome")
        assert tuple(found.values()) == ("cancelled", "pending", ID, "openai/gpt-4o-mini")
        _closed(server)


@pytest.mark.parametrize("way", ["cancel", "timeout", "loop ends"])
def test_a_task_that_ends_ends_its_stream(home: Path, way: str) -> None:
    async def reading(ledger: Ledger, begun: asyncio.Event) -> None:
        async for _ in ledger.astream_response("x", model=MODEL, caller=CALLER):
            begun.set()

    async def main(ledger: Ledger) -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(reading(ledger, begun))
        await asyncio.wait_for(begun.wait(), 20)
        if way == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif way == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(task, 0.05)

    with RawServer(Held()) as server, open_ledger(home, server.base_url) as ledger:
        asyncio.run(main(ledger))
        ledger.books.writer.flush(5)
        found = only(home, "select status, cost_grade, generation_id from outcome")
        assert tuple(found.values()) == ("cancelled", "pending", ID)
        _closed(server)


def test_a_stream_that_never_begins_sends_nothing(ledger: Ledger, home: Path) -> None:
    async def main() -> None:
        reading = ledger.astream_response("x", model=MODEL, caller=CALLER)
        await reading.aclose()

    asyncio.run(main())
    assert count(home, "request") == 0


def test_leaving_at_the_end_mark_is_a_good_end(home: Path) -> None:
    """A reader that stops with the last text, when the usage has come with it."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(HEAD + ID.encode() + CLOSE + PLAIN)

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        with ledger.stream_response("x", model=MODEL, caller=CALLER) as reading:
            assert next(reading) == "One "
        ledger.books.writer.flush(5)
    assert only(home, "select status, cost_grade from outcome") == {
        "status": "finished",
        "cost_grade": "reported",
    }


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_was_left_is_settled_later(
    ledger: Ledger, home: Path, sandbox: Sandbox, driver: str
) -> None:
    async def main() -> None:
        async with ledger.astream_response("x", model="sandbox/drip-20", caller=CALLER) as it:
            await anext(it)

    if driver == "sync":
        with ledger.stream_response("x", model="sandbox/drip-20", caller=CALLER) as reading:
            next(reading)
    else:
        asyncio.run(main())
    ledger.books.writer.flush(5)
    clock.sleep(0.2)
    ledger.settle()
    found = only(home, "select status, cost_grade, cost_pico from request_status")
    assert (found["status"], found["cost_grade"]) == ("cancelled", "settled")


# --- around it ----------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_connections_are_used_again_and_none_leaks(home: Path, driver: str) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PLAIN), PLAIN)

    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(chunked + body)

    async def main(ledger: Ledger) -> None:
        for _ in range(20):
            async for _piece in ledger.astream_response("x", model=MODEL, caller=CALLER):
                pass
        for _ in range(20):
            async with ledger.astream_response("x", model=MODEL, caller=CALLER) as reading:
                await anext(reading)

    threads = threading.active_count()
    with RawServer(serve) as server:
        served = threading.active_count() - threads
        with open_ledger(home, server.base_url) as ledger:
            if driver == "sync":
                for _ in range(20):
                    list(ledger.stream_response("x", model=MODEL, caller=CALLER))
                assert server.accepted == 1
                for _ in range(20):
                    with ledger.stream_response("x", model=MODEL, caller=CALLER) as reading:
                        next(reading)
            else:
                asyncio.run(main(ledger))
        _closed(server)
        assert threading.active_count() <= threads + served
    assert only(home, "select count(*) as n from outcome")["n"] == 40


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_stored_of_a_stream_is_what_is_stored_of_a_call(
    ledger: Ledger, home: Path, driver: str
) -> None:
    stream(ledger, driver, store_messages=True, store_answers=True)
    found = rows(home, "select kind, role, text from content order by id")
    assert [tuple(row.values()) for row in found] == [
        ("message", "user", "Hello there"),
        ("answer", "assistant", "Echo: Hello there"),
    ]


def test_the_caller_is_told_in_the_frame_that_asks(
    home: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "flow" / "streamer.py"
    module.parent.mkdir()
    module.write_text(
        "import asyncio\n"
        "def go(ledger):\n"
        "    list(ledger.stream_response('x', model='m/x'))\n"
        "    reading = ledger.astream_response('x', model='m/x')\n"
        "    async def main():\n"
        "        return [piece async for piece in reading]\n"
        "    asyncio.run(main())\n"
    )
    monkeypatch.syspath_prepend(str(module.parent))
    with open_ledger(home, sandbox.base_url) as ledger:
        __import__("streamer").go(ledger)
    found = rows(home, "select distinct caller from request_status")
    assert [row["caller"] for row in found] == ["streamer"]


def test_the_public_functions_are_those_of_the_default_ledger(ledger_sandbox: Any) -> None:
    reading = public.stream_response("Hello", model=MODEL, caller=CALLER)
    assert "".join(reading) == reading.reply == "Echo: Hello"

    async def main() -> str:
        return "".join([each async for each in public.astream_response("Hi", model=MODEL)])

    assert asyncio.run(main()) == "Echo: Hi"


# --- large, packed ------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_line_of_ten_megabytes_comes_whole(ledger: Ledger, driver: str) -> None:
    pieces, reply = stream(ledger, driver, model="sandbox/long-line-10000000")
    assert len(reply) >= 10_000_000
    assert "".join(pieces) == reply


def serving(body: bytes, headers: str, size: int = 1000) -> Any:
    """Serves a stream in parts of that size."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{headers}"
        connection.sendall(head.encode() + CLOSE)
        for at in range(0, len(body), size):
            connection.sendall(body[at : at + size])

    return serve


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("size", [1, 50, 10_000])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate"])
def test_a_packed_stream_is_unpacked_as_it_comes(
    home: Path, driver: str, size: int, encoding: str
) -> None:
    packed = {
        "gzip": gzip.compress(PLAIN),
        "deflate": zlib.compress(PLAIN),
        "raw deflate": zlib.compress(PLAIN)[2:-4],
    }[encoding]
    headers = f"Content-Encoding: {encoding.rpartition(' ')[2]}"
    with (
        RawServer(serving(packed, headers, size)) as server,
        open_ledger(home, server.base_url) as ledger,
    ):
        pieces, reply = stream(ledger, driver)
    assert "".join(pieces) == reply == "One two three."


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_stream_that_cannot_be_unpacked_is_an_error_and_pending(
    home: Path, driver: str, encoding: str
) -> None:
    headers = f"Content-Encoding: {encoding}\r\nX-Generation-Id: {ID}"
    with (
        RawServer(serving(PLAIN, headers)) as server,
        open_ledger(home, server.base_url) as ledger,
    ):
        assert type(fault(ledger, driver)) is errors.AnswerInvalid
    assert only(home, "select status, cost_grade from outcome") == {
        "status": "failed",
        "cost_grade": "pending",
    }


@pytest.mark.parametrize("driver", DRIVERS)
def test_more_than_can_be_kept_is_handed_on_and_then_an_error(
    home: Path, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding.ChatFolder.__init__, "__defaults__", (5000,))
    body = FIRST + say("x" * 1000) * 20 + LAST + END + DONE
    with RawServer(serving(body, "")) as server, open_ledger(home, server.base_url) as ledger:
        error = fault(ledger, driver)
    assert type(error) is errors.AnswerInvalid
    assert "more content than is kept" in str(error)
    found = only(home, "select status, cost_grade, cost_pico from outcome")
    assert tuple(found.values()) == ("failed", "reported", 21_450_000)
