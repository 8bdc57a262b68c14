"""Conversations: the chain over turns, files, handlers, trims, tools, and going on with one."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import DRIVERS, change_config, count, only, open_ledger, rows

import ledger as public
from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
Open = Callable[..., public.Conversation]


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
def begin(ledger: Ledger) -> Open:
    """Begin a conversation in the test's own ledger."""

    def begun(**given: Any) -> public.Conversation:
        return public.Conversation(ledger=ledger, **{"caller": "chat", "model": MODEL} | given)

    return begun


def say(talk: public.Conversation, driver: str, message: Any = None, **more: Any) -> Any:
    if driver == "sync":
        return talk.ask(message, **more)
    return asyncio.run(talk.aask(message, **more))


def sent(sandbox: Sandbox, number: int = -1) -> list[tuple[str, Any]]:
    """Roles and contents of a call's messages, as the server got them."""
    messages: Any = sandbox.calls[number].messages
    return [(each["role"], each["content"]) for each in messages]


# --- turns ------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_chain_grows_by_question_and_answer(
    begin: Open, home: Path, sandbox: Sandbox, driver: str
) -> None:
    talk = begin(system="Be brief.", temperature=0.1, tags={"task": "chat"})
    for number in (1, 2):
        sandbox.reply(text=f"answer {number}", times=1)
        reply = say(talk, driver, f"question {number}", tags={"turn": str(number)})
        assert reply == f"answer {number}"
    assert sent(sandbox) == [
        ("system", "Be brief."),
        ("user", "question 1"),
        ("assistant", "answer 1"),
        ("user", "question 2"),
    ]
    assert talk.messages[-1] == {"role": "assistant", "content": "answer 2"}
    assert sandbox.calls[-1].params["temperature"] == 0.1
    booked = rows(home, "select caller, status from request_status")
    assert [tuple(row.values()) for row in booked] == [("chat", "finished")] * 2
    tags = rows(home, "select key, value from request_tag order by id")
    assert [tuple(row.values()) for row in tags][:2] == [("task", "chat"), ("turn", "1")]
    assert "question" not in repr(talk)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_call_that_fails_leaves_the_chain_as_it_was(
    begin: Open, sandbox: Sandbox, driver: str
) -> None:
    talk = begin(system="Be brief.")
    say(talk, driver, "first")
    before = talk.messages
    sandbox.fail(500, times=1)
    with pytest.raises(errors.ProviderUnavailable):
        say(talk, driver, "second")
    with pytest.raises(errors.ModelRequired):
        say(talk, driver, "second", model="")
    assert talk.messages == before
    say(talk, driver, "second")
    assert [role for role, _ in sent(sandbox)] == ["system", "user", "assistant", "user"]


def test_an_answer_that_does_not_fit_its_model_is_in_the_chain(
    begin: Open, sandbox: Sandbox
) -> None:
    import pydantic

    class Fit(pydantic.BaseModel):
        name: str

    talk = begin()
    sandbox.reply(text="no JSON", times=1)
    with pytest.raises(errors.AnswerMismatched):
        talk.ask("first", response_model=Fit)
    sandbox.reply(text='{"name": "x"}', times=1)
    assert talk.ask("As JSON, please.", response_model=Fit).parsed == Fit(name="x")
    assert sent(sandbox)[1] == ("assistant", "no JSON")


def test_the_caller_is_who_asks_and_inside_a_block_that_one(ledger: Ledger, home: Path) -> None:
    talk = public.Conversation(ledger=ledger, model=MODEL)
    talk.ask("Hello")
    with public.caller("outer"), public.caller("inner"):
        asyncio.run(talk.aask("Again"))
    chains = [row["chain"] for row in rows(home, "select chain from request order by id")]
    assert chains == ["test_conversations", "outer->inner"]


def test_one_turn_comes_after_the_other(begin: Open, sandbox: Sandbox) -> None:
    talk = begin()
    began, gate = threading.Event(), threading.Event()
    found: list[str] = []

    def slow(context: Any) -> Any:
        began.set()
        gate.wait(10)
        return context

    talk.handlers.append(slow)
    thread = threading.Thread(target=lambda: found.append(talk.ask("first")))
    thread.start()
    began.wait(10)
    with pytest.raises(errors.RequestInvalid, match="waiting for an answer"):
        talk.ask("second")
    gate.set()
    thread.join()
    assert len(found) == len(sandbox.calls) == 1
    talk.ask("second")
    assert len(talk.messages) == 4


@pytest.mark.parametrize("bad", [7, {"content": "x"}, ["x"], [{"role": 7}]])
def test_what_is_no_message_is_refused(begin: Open, sandbox: Sandbox, bad: Any) -> None:
    talk = begin()
    with pytest.raises((errors.RequestInvalid, TypeError)):
        talk.ask(bad)
    assert talk.messages == []
    assert sandbox.calls == []


# --- files ------------------------------------------------------------------------------------


def test_a_file_is_in_the_chain_once_and_anew_when_it_changed(
    begin: Open, sandbox: Sandbox, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The shed is green: ü 🦉", "utf-8")
    talk = begin(system="Be brief.")
    assert talk.add_file(notes) is True
    talk.ask("What does it say?")
    assert talk.add_file(str(notes)) is False
    talk.ask("And now?")
    files = [content for _, content in sent(sandbox) if content.startswith("notes.txt:")]
    assert files == ["notes.txt:\n\nThe shed is green: ü 🦉"]
    notes.write_text("The shed is red.", "utf-8")
    assert talk.add_file(notes) is True
    talk.ask("And now?")
    files = [content for _, content in sent(sandbox) if content.startswith("notes.txt:")]
    assert [text.rpartition(" ")[2] for text in files] == ["🦉", "red."]


def test_what_is_no_text_file_is_refused(begin: Open, tmp_path: Path) -> None:
    talk = begin()
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    (tmp_path / "nul.txt").write_bytes(b"a\0b")
    with (tmp_path / "big.txt").open("wb") as big:
        big.truncate(11 * 1024 * 1024)
    for name in ("image.png", "nul.txt", "big.txt", "absent.txt", "."):
        with pytest.raises(errors.RequestInvalid):
            talk.add_file(tmp_path / name)
    assert talk.messages == []


# --- handlers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_handlers_change_what_is_sent_in_their_order_and_nothing_that_is_kept(
    begin: Open, sandbox: Sandbox, driver: str
) -> None:
    def note(context: Any) -> Any:
        return [*context[:-1], {"role": "system", "content": "note"}, context[-1]]

    def shout(context: Any) -> Any:
        context[-1]["content"] = context[-1]["content"].upper() + str(len(context))
        return context

    async def later(context: Any) -> Any:
        await asyncio.sleep(0)
        return [*context, {"role": "user", "content": "later"}]

    talk = begin(handlers=[note, shout])
    if driver == "async":
        talk.handlers.append(later)
    say(talk, driver, "hello")
    more = [("user", "later")] if driver == "async" else []
    assert sent(sandbox) == [("system", "note"), ("user", "HELLO2"), *more]
    assert talk.messages[0]["content"] == "hello"
    assert len(talk.messages) == 2


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_handler_that_returns_nothing_or_raises_is_said_and_nothing_is_sent(
    begin: Open, sandbox: Sandbox, driver: str
) -> None:
    def forgot(context: Any) -> Any:
        context.append({"role": "user", "content": "x"})

    def broken(_context: Any) -> Any:
        raise ZeroDivisionError

    talk = begin(handlers=[forgot])
    with pytest.raises(errors.RequestInvalid, match="forgot returned NoneType"):
        say(talk, driver, "hello")
    talk.handlers[:] = [broken]
    with pytest.raises(ZeroDivisionError):
        say(talk, driver, "hello")
    assert sandbox.calls == []
    assert talk.messages == []


def test_an_async_handler_is_refused_where_nobody_can_await_it(begin: Open) -> None:
    async def handler(context: Any) -> Any:
        return context

    with pytest.raises(errors.RequestInvalid, match="aask"):
        begin(handlers=[handler]).ask("hello")


# --- trims ------------------------------------------------------------------------------------


def test_a_trim_drops_the_oldest_turns_and_says_which(
    begin: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "notes.txt").write_text("green", "utf-8")
    talk = begin(system="Be brief.")
    talk.ask("one")
    talk.add_file(tmp_path / "notes.txt")
    for word in ("two", "three"):
        talk.ask(word)
    assert talk.trim(turns=3) == []
    with caplog.at_level(logging.INFO, logger="ledger"):
        dropped = talk.trim(turns=1)
    assert [each["role"] for each in dropped] == ["user", "assistant"] * 2
    assert dropped[0]["content"] == "one"
    assert [each["role"] for each in talk.messages] == ["system", "user", "user", "assistant"]
    assert "4 messages dropped" in caplog.text
    assert "one" not in caplog.text.replace("conversation", "")
    talk.ask("four")
    assert talk.trim(turns=1)[0]["content"] == "three"


def test_a_trim_by_tokens_goes_by_what_the_provider_counted(begin: Open, sandbox: Sandbox) -> None:
    talk = begin(system="Be brief.")
    with pytest.raises(errors.RequestInvalid, match="no token counts"):
        talk.trim(tokens=10)
    # Each turn grows the chain by 100: a question of 40 and an answer of 60, after 20 of system.
    for number in range(4):
        sandbox.reply(tokens=(20 + 100 * number + 40, 60), times=1)
        talk.ask(f"question {number}")
    assert talk.tokens == 420
    assert talk.trim(tokens=420) == []
    assert len(talk.trim(tokens=270)) == 4
    assert talk.tokens == 420 - 60 - 100  # of a first turn only the answer's share is known
    assert len(talk.trim(tokens=1)) == 2
    assert [each["content"] for each in talk.messages][1] == "question 3"


@pytest.mark.parametrize("given", [{}, {"turns": 1, "tokens": 1}, {"turns": 0}, {"tokens": -1}])
def test_a_trim_needs_one_limit(begin: Open, given: Any) -> None:
    with pytest.raises(errors.RequestInvalid):
        begin().trim(**given)


# --- tools ------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_tool_is_called_answered_and_asked_again(
    begin: Open, sandbox: Sandbox, driver: str
) -> None:
    tool = {"type": "function", "function": {"name": "lookup", "parameters": {}}}
    talk = begin(tools=[tool])
    sandbox.reply(directives="tool-call", times=1)
    reply = say(talk, driver, "Look it up.")
    (asked,) = reply.tool_calls
    talk.add_tool_result(asked, "found")
    sandbox.reply(text="It is found.", times=1)
    assert say(talk, driver) == "It is found."
    messages: Any = sandbox.calls[-1].messages
    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [asked]}
    assert messages[2] == {"role": "tool", "tool_call_id": asked["id"], "content": "found"}
    assert sandbox.calls[-1].params["tools"] == [tool]


# --- stored -----------------------------------------------------------------------------------


def switch_on(ledger: Ledger, home: Path) -> None:
    ledger.desk.open()
    path = home / "api_json" / "openrouter_config.json"
    change_config(path, store_messages=True, store_answers=True)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_stored_conversation_is_gone_on_with(
    ledger: Ledger, begin: Open, home: Path, sandbox: Sandbox, driver: str
) -> None:
    switch_on(ledger, home)
    talk = begin(system="Be brief.")
    sandbox.reply(directives="tool-call", times=1)
    (asked,) = say(talk, driver, "first").tool_calls
    talk.add_tool_result(asked, "found")
    say(talk, driver)
    sandbox.fail(500, times=1)
    with pytest.raises(errors.ProviderUnavailable):
        say(talk, driver, "fails")
    say(talk, driver, [{"role": "user", "content": "second"}])
    public_count = count(home, "content")
    assert public_count == 8  # the seven of the chain, and the one whose call failed
    again = public.Conversation.resume(caller="chat", model=MODEL, ledger=ledger)
    assert (again.id, again.messages) == (talk.id, talk.messages)
    named = public.Conversation.resume(talk.id, model=MODEL, ledger=ledger, caller="chat")
    say(named, driver, "third")
    assert [role for role, _ in sent(sandbox)][-3:] == ["user", "assistant", "user"]
    assert count(home, "content") == public_count + 2
    whole = ledger.last_conversation()
    assert {row.conversation_id for row in whole} == {talk.id}
    assert [row.text for row in whole][-2] == "third"


def test_what_a_handler_added_is_stored_beside_the_chain(
    ledger: Ledger, begin: Open, home: Path
) -> None:
    switch_on(ledger, home)
    extra = {"role": "system", "content": "extra"}
    talk = begin(handlers=[lambda context: [extra, *context]])
    talk.ask("first")
    row = only(home, "select text, position from content where position is null")
    assert row["text"] == "extra"
    assert public.Conversation.resume(talk.id, ledger=ledger).messages == talk.messages


def test_what_is_not_whole_or_not_there_is_not_gone_on_with(
    ledger: Ledger, begin: Open, home: Path
) -> None:
    talk = begin(store_messages=True)
    talk.ask("first")
    with pytest.raises(errors.NotFoundInLedger, match="not whole"):
        public.Conversation.resume(talk.id, ledger=ledger)
    with pytest.raises(errors.NotFoundInLedger, match="No content"):
        public.Conversation.resume("nobody", ledger=ledger)
    off = begin()
    off.ask("first")
    with pytest.raises(errors.NotFoundInLedger):
        public.Conversation.resume(off.id, ledger=ledger)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    media = begin(store_messages=True, store_answers=True)
    media.ask([{"role": "user", "content": [image]}])
    with pytest.raises(errors.RequestInvalid, match="media"):
        public.Conversation.resume(media.id, ledger=ledger)


def test_storing_that_is_switched_on_later_keeps_the_whole_chain(
    ledger: Ledger, begin: Open, home: Path
) -> None:
    talk = begin(system="Be brief.")
    talk.ask("first")
    switch_on(ledger, home)
    talk.ask("second")
    assert public.Conversation.resume(talk.id, ledger=ledger).messages == talk.messages
