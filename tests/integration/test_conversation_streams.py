"""Turns of a conversation whose answer is a stream: the chain has both once it has ended."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import DRIVERS, only, open_ledger, rows

import ledger as public
from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


@pytest.fixture
def talk(ledger: Ledger) -> public.Conversation:
    return public.Conversation(ledger=ledger, caller="chat", model=MODEL, system="Be brief.")


def hear(
    talk: public.Conversation, driver: str, message: Any, most: int | None = None, **more: Any
) -> Any:
    """One streamed turn, left after so many pieces if a number is given."""
    if driver == "sync":
        with talk.stream(message, **more) as reading:
            for number, _ in enumerate(reading, 1):
                if number == most:
                    return None
        return reading.reply

    async def main() -> Any:
        number = 0
        async with talk.astream(message, **more) as reading:
            async for _ in reading:
                number += 1
                if number == most:
                    return None
        return reading.reply

    return asyncio.run(main())


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_streamed_turn_is_in_the_chain_as_any_other(
    talk: public.Conversation, sandbox: Sandbox, driver: str
) -> None:
    assert hear(talk, driver, "One") == "Echo: One"
    assert talk.ask("Two") == "Echo: Two"
    assert [(each["role"], each["content"]) for each in sandbox.calls[-1].messages] == [
        ("system", "Be brief."),
        ("user", "One"),
        ("assistant", "Echo: One"),
        ("user", "Two"),
    ]
    assert talk.tokens is not None


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_turn_that_is_left_or_fails_leaves_the_chain_as_it_was(
    talk: public.Conversation, home: Path, driver: str
) -> None:
    before = talk.messages
    hear(talk, driver, "One two three", most=1)
    assert talk.messages == before
    with pytest.raises(errors.AnswerFailed):
        hear(talk, driver, "One", model="sandbox/stream-error")
    with pytest.raises(errors.RateLimited):
        hear(talk, driver, "One", model="sandbox/error-429")
    assert talk.messages == before
    assert hear(talk, driver, "One") == "Echo: One"
    assert len(talk.messages) == len(before) + 2


@pytest.mark.parametrize("driver", DRIVERS)
def test_handlers_see_the_messages_of_a_streamed_turn(
    talk: public.Conversation, sandbox: Sandbox, driver: str
) -> None:
    def shout(context: Any) -> Any:
        context[-1]["content"] = context[-1]["content"].upper()
        return context

    talk.handlers.append(shout)
    assert hear(talk, driver, "loud") == "Echo: LOUD"
    assert talk.messages[-2]["content"] == "loud"


def test_no_turn_begins_while_a_stream_goes_on(talk: public.Conversation) -> None:
    with talk.stream("One", model="sandbox/drip-5") as reading:
        next(reading)
        with pytest.raises(errors.RequestInvalid, match="waiting for an answer"):
            talk.ask("Two")
    assert talk.ask("Two") == "Echo: Two"


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_streamed_conversation_is_stored_and_resumed(
    ledger: Ledger, home: Path, driver: str
) -> None:
    stored: dict[str, Any] = {"store_messages": True, "store_answers": True}
    talk = public.Conversation(ledger=ledger, caller="chat", model=MODEL, **stored)
    hear(talk, driver, "One")
    hear(talk, driver, "Two")
    assert public.Conversation.resume(talk.id, ledger=ledger).messages == talk.messages
    found = rows(home, "select position, kind from content order by position")
    assert [tuple(row.values()) for row in found] == [
        (0, "message"),
        (1, "answer"),
        (2, "message"),
        (3, "answer"),
    ]


def test_the_caller_of_a_streamed_turn_is_the_module_that_asks(ledger: Ledger, home: Path) -> None:
    talk = public.Conversation(ledger=ledger, model=MODEL)
    hear(talk, "sync", "One")
    assert only(home, "select caller from request_status")["caller"] == "test_conversation_streams"
