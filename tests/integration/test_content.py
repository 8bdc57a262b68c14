"""Stored content: off is off, what is kept, how it is found, and that purged is gone."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, DRIVERS, call, change_config, count, failure, only, open_ledger, rows
from freezegun import freeze_time

from ledger import clock, errors
from ledger.books import derived
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

MODEL = "openai/gpt-4o-mini"
PROMPT = "canaryprompt8841 walks home"
ANSWER = "canaryanswer3307 walked away"
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    sandbox.reply(text=ANSWER)
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def switch_on(ledger: Ledger, home: Path, **more: Any) -> None:
    ledger.desk.open()
    path = home / "api_json" / "openrouter_config.json"
    change_config(path, store_messages=True, store_answers=True, **more)


def holding(home: Path, word: str) -> list[str]:
    """The files in a home that hold a word, whatever they are."""
    return sorted(
        path.name
        for path in home.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes()
    )


# --- off, on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_off_means_that_no_file_has_a_word_of_it(
    ledger: Ledger, home: Path, driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="ledger"):
        call(ledger, driver, PROMPT, model=MODEL)
        ledger.export()
        assert ledger.logs() == []
        assert ledger.logs(search="canaryprompt8841") == []
    assert count(home, "content") == 0
    assert holding(home, "canaryprompt8841") == holding(home, "canaryanswer3307") == []
    assert "canary" not in caplog.text


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_switched_on_is_kept_and_no_more(ledger: Ledger, home: Path, driver: str) -> None:
    call(ledger, driver, PROMPT, model=MODEL, store_messages=True)
    assert [row["kind"] for row in rows(home, "select kind from content")] == ["message"]
    call(ledger, driver, PROMPT, model=MODEL, store_answers=True)
    kinds = [row["kind"] for row in rows(home, "select kind from content order by id")]
    assert kinds == ["message", "answer"]
    switch_on(ledger, home)
    call(ledger, driver, PROMPT, model=MODEL, store_messages=False, store_answers=False)
    assert count(home, "content") == 2
    reply = call(ledger, driver, PROMPT, model=MODEL)
    stored = ledger.logs(limit=2)
    assert [(row.kind, row.role, row.text) for row in stored] == [
        ("message", "user", PROMPT),
        ("answer", "assistant", ANSWER),
    ]
    assert {(row.request_id, row.caller, row.model) for row in stored} == {
        (reply.request_id, CALLER, MODEL)
    }


def test_a_call_that_fails_keeps_what_was_asked_and_no_answer(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    switch_on(ledger, home)
    sandbox.reset()
    sandbox.fail(500)
    failure(ledger, "sync", PROMPT, model=MODEL)
    assert [(row.kind, row.text) for row in ledger.logs()] == [("message", PROMPT)]


def test_a_wrong_switch_is_refused(ledger: Ledger, sandbox: Sandbox) -> None:
    error = failure(ledger, "sync", PROMPT, model=MODEL, store_messages="yes")
    assert isinstance(error, errors.RequestInvalid)
    assert sandbox.calls == []


def test_content_is_in_no_view_and_no_export(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home)
    call(ledger, "sync", PROMPT, model=MODEL)
    ledger.export()
    views = derived.view_names(ledger.books.target.url.get_backend_name())
    assert len(views) > 5
    for view in views:
        assert "canary" not in repr(rows(home, f"select * from {view}")), view
    assert {name.partition("-")[0] for name in holding(home, "canaryprompt8841")} <= {"ledger.db"}


# --- what is kept -----------------------------------------------------------------------------


def test_media_is_kept_as_hash_and_size(ledger: Ledger, home: Path) -> None:
    long = IMAGE * 40
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
        {"type": "input_audio", "input_audio": {"data": long, "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
    ]
    call(ledger, "sync", [{"role": "user", "content": parts}], model=MODEL, store_messages=True)
    row = only(home, "select text, message from content")
    assert row["text"] == "What is this?"
    kept = json.loads(row["message"])["content"]
    assert kept[1]["image_url"]["url"].startswith("ledger:sha256=")
    assert kept[1]["image_url"]["url"].endswith(f";base64={len(IMAGE)};type=image/png")
    assert kept[2]["input_audio"]["data"].endswith(f";base64={len(long)}")
    assert kept[3] == parts[3]
    assert holding(home, IMAGE) == []


def test_odd_text_is_kept_storable_and_tool_calls_are_found(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    switch_on(ledger, home)
    sandbox.reset()
    sandbox.reply(directives="tool-call")
    odd = "nul\0 half\ud800 owl\U0001f989 'quoted' \u202e"
    call(ledger, "sync", odd, model=MODEL)
    asked, answered = ledger.logs()
    assert asked.text == exact.clean(odd)
    assert answered.text == 'lookup({"query":"sandbox"})'
    assert answered.message is not None
    assert json.loads(answered.message)["tool_calls"][0]["id"] == "call_sandbox_1"
    assert [row.kind for row in ledger.logs(search="lookup")] == ["answer"]


# --- finding it -------------------------------------------------------------------------------


def test_words_are_searched_whatever_they_look_like(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home)
    for text in ("the garden shed", "the garden gate", 'say "NEAR" OR AND *', "Zażółć gęślą"):
        call(ledger, "sync", text, model=MODEL, store_answers=False)
    found = {
        words: [row.text for row in ledger.logs(search=words)]
        for words in ("garden", "shed garden", "NEAR OR", 'say "', "*", "zażółć", "nobody", "a*")
    }
    assert found == {
        "garden": ["the garden shed", "the garden gate"],
        "shed garden": ["the garden shed"],
        "NEAR OR": ['say "NEAR" OR AND *'],
        'say "': ['say "NEAR" OR AND *'],
        "*": [],
        "zażółć": ["Zażółć gęślą"],
        "nobody": [],
        "a*": [],
    }
    call(ledger, "sync", "another garden", model=MODEL, caller="other", store_answers=False)
    assert [row.text for row in ledger.logs(search="garden", caller="other")] == ["another garden"]
    assert [row.text for row in ledger.logs(search="garden", limit=1)] == ["another garden"]


def test_the_last_call_stands_where_there_was_no_conversation(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home)
    call(ledger, "sync", "first", model=MODEL)
    system = {"role": "system", "content": "Be brief."}
    call(ledger, "sync", [system, {"role": "user", "content": "second"}], model=MODEL)
    found = [(row.role, row.text) for row in ledger.last_conversation()]
    assert found == [("system", "Be brief."), ("user", "second"), ("assistant", ANSWER)]


def test_without_content_the_last_conversation_says_how_to_have_some(ledger: Ledger) -> None:
    call(ledger, "sync", "first", model=MODEL)
    with pytest.raises(errors.NotFoundInLedger, match="store_messages"):
        ledger.last_conversation()


# --- purging ----------------------------------------------------------------------------------


@pytest.mark.one_engine
def test_after_a_purge_no_file_has_a_word_of_it(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home)
    for number in range(30):
        call(ledger, "sync", f"{PROMPT} {number} " + "filler " * 200, model=MODEL)
    assert len(ledger.logs(search="canaryprompt8841", limit=99)) == 30
    ledger.books.writer.checkpoint()
    assert holding(home, "canaryprompt8841") == ["ledger.db", "ledger.db-wal"]
    planned = ledger.purge(everything=True, dry_run=True)
    assert (planned.rows, planned.left, planned.dry_run) == (60, 0, True)
    assert count(home, "content") == 60
    done = ledger.purge(everything=True)
    assert (done.rows, done.left, done.is_clean, done.before) == (60, 0, True, None)
    assert holding(home, "canaryprompt8841") == holding(home, "canaryanswer3307") == []
    assert count(home, "request") == count(home, "outcome") == 30
    assert ledger.logs(search="canaryprompt8841") == []
    call(ledger, "sync", PROMPT, model=MODEL)
    assert len(ledger.logs(search="canaryprompt8841")) == 1


def test_what_is_older_than_it_may_be_goes(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home, store_days=30)
    with freeze_time("2026-01-01T00:00:00Z"):
        call(ledger, "sync", "old", model=MODEL, store_answers=False)
    with freeze_time("2026-02-10T00:00:00Z"):
        call(ledger, "sync", "new", model=MODEL, store_answers=False)
        assert ledger.purge(older_than=90).rows == 0
        done = ledger.purge()
    assert (done.rows, done.left) == (1, 1)
    assert done.before == clock.from_text("2026-01-11T00:00:00.000000Z")
    assert [row.text for row in ledger.logs()] == ["new"]


def test_a_purge_without_an_age_is_refused(ledger: Ledger, home: Path) -> None:
    call(ledger, "sync", PROMPT, model=MODEL)
    for asked in ({}, {"older_than": -1}):
        with pytest.raises(errors.RequestInvalid):
            ledger.purge(**asked)  # type: ignore[arg-type]


@pytest.mark.one_engine
def test_a_reader_in_the_way_is_said_and_the_next_purge_is_clean(
    ledger: Ledger, home: Path
) -> None:
    switch_on(ledger, home)
    call(ledger, "sync", PROMPT, model=MODEL)
    with ledger.books.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM request").fetchall()
        assert ledger.purge(everything=True).is_clean is False
    assert ledger.purge(everything=True).is_clean is True
    assert holding(home, "canaryprompt8841") == []


def test_a_purge_takes_the_content_and_leaves_the_requests(ledger: Ledger, home: Path) -> None:
    switch_on(ledger, home)
    for number in range(3):
        call(ledger, "sync", f"{PROMPT} {number}", model=MODEL)
    assert len(ledger.logs(search="canaryprompt8841")) == 3
    assert ledger.purge(everything=True).rows == 6
    assert (count(home, "content"), count(home, "request")) == (0, 3)
    assert ledger.logs(search="canaryprompt8841") == []
