"""Every endpoint through the transport: its row is what the answer says, and later its record."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import KEY, count, only, open_ledger, rows
from foreignkit import FAMILIES

from ledger import money
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

CLIENTS = [f"{name}-{kind}" for name in FAMILIES for kind in ("sync", "async")]
HEADERS = {"authorization": f"Bearer {KEY}"}
MODEL = "maker/model"
MESSAGES = [{"role": "user", "content": "Hello there"}]
FILE = {"file": ("a.wav", b"RIFF....", "audio/wav")}

ASKED: dict[str, dict[str, Any]] = {
    "chat/completions": {"json": {"messages": MESSAGES}},
    "completions": {"json": {"prompt": "Hello there"}},
    "responses": {"json": {"input": "Hello there"}},
    "messages": {"json": {"messages": MESSAGES, "max_tokens": 9}},
    "embeddings": {"json": {"input": "Hello there"}},
    "rerank": {"json": {"query": "Hello", "documents": ["there"]}},
    "images": {"json": {"prompt": "A tree"}},
    "audio/speech": {"json": {"input": "Hello", "voice": "v"}},
    "audio/transcriptions": {"data": {"language": "en"}, "files": FILE},
    "videos": {"json": {"prompt": "A tree"}},
}
STREAMS = ("chat/completions", "completions", "responses", "messages", "images")
# What a row has before it is settled, beside the id, the grade and the cost (contract, table of
# the sister endpoints): the model and the provider of the body, and which tokens there are.
TABLE = {
    "chat/completions": (MODEL, "Sandbox", "prompt completion total"),
    "completions": (MODEL, "Sandbox", "prompt completion total"),
    "responses": (MODEL, None, "prompt completion total"),
    "messages": (MODEL, "Sandbox", "prompt completion"),
    "embeddings": (MODEL, "Sandbox", "prompt total"),
    "rerank": (MODEL, "Sandbox", "total"),
    "images": (None, None, "prompt completion total"),
    "audio/speech": (None, None, ""),
    "audio/transcriptions": (None, None, "prompt completion total"),
    "videos": (None, None, ""),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    sandbox.reset()
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def send(ledger: Ledger, kind: str, *requests: dict[str, Any], **options: Any) -> list[Any]:
    """Requests by one client of that family and kind; their responses, read."""
    name, _, mode = kind.partition("-")
    options = {"base_url": ledger.settings.base_url, "headers": HEADERS} | options
    if mode == "sync":
        with ledger.http_client(name, **options) as client:
            return [client.request(**request) for request in requests]

    async def main() -> list[Any]:
        async with ledger.async_http_client(name, **options) as client:
            return [await client.request(**request) for request in requests]

    return asyncio.run(main())


def post(path: str, *, stream: bool = False, model: str = MODEL, **more: Any) -> dict[str, Any]:
    """A request to an endpoint."""
    asked = {name: dict(value) for name, value in (ASKED[path] | more).items()}
    body = asked["json"] if "json" in asked else asked["data"]
    body["model"] = model
    if stream:
        body["stream"] = True
    return {"method": "POST", "url": f"/{path}", **asked}


def poll(job: str) -> dict[str, Any]:
    return {"method": "GET", "url": f"/videos/{job}"}


ROW = (
    "select r.endpoint, r.model_asked, r.source, r.streamed, r.key_hash, o.* from request r"
    " left join outcome o on o.id = r.id"
)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("path", "stream"),
    [*((path, False) for path in ASKED if path != "videos"), *((path, True) for path in STREAMS)],
)
def test_the_row_is_what_the_endpoint_says_of_itself(  # noqa: PLR0913, PLR0917 - a table's cases
    ledger: Ledger,
    home: Path,
    sandbox: Sandbox,
    kind: str,
    path: str,
    stream: bool,  # noqa: FBT001 - a case of the table
) -> None:
    (response,) = send(ledger, kind, post(path, stream=stream))
    assert response.status_code == 200, response.text
    row, (call,) = only(home, ROW), sandbox.calls
    model, provider, tokens = TABLE[path]
    assert (row["endpoint"], row["model_asked"], row["streamed"]) == (path, MODEL, int(stream))
    assert (row["status"], row["model"], row["provider"]) == ("finished", model, provider)
    assert row["generation_id"] == call.generation_id == response.headers["x-generation-id"]
    there = {
        name for name in ("prompt", "completion", "total") if row[f"{name}_tokens"] is not None
    }
    assert there == set(tokens.split())
    cost = None if path == "audio/speech" else money.to_pico(Decimal(call.cost or ""))
    assert (row["cost_pico"], row["cost_grade"]) == (cost, "reported" if cost else "pending")
    assert row["unknown_fields"] is None
    ledger.settle()
    settled = only(home, "select cost_grade, cost_pico, provider, model from request_status")
    assert settled["cost_grade"] == "settled"
    assert settled["cost_pico"] == money.to_pico(call.charged)
    assert settled["provider"] == "Sandbox"


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_video_is_one_request_from_its_submission_to_its_end(
    ledger: Ledger, home: Path, sandbox: Sandbox, kind: str
) -> None:
    (taken,) = send(ledger, kind, post("videos", model="sandbox/polls-2"))
    assert taken.status_code == 202
    job = taken.json()["id"]
    assert only(home, "select status, cost_grade from request_status") == {
        "status": "open",
        "cost_grade": "unknown",
    }
    looks = send(ledger, kind, *[poll(job)] * 4)
    assert [look.json()["status"] for look in looks] == [
        "in_progress",
        "in_progress",
        "completed",
        "completed",
    ]
    (call,) = sandbox.calls
    row = only(home, ROW)
    assert (row["endpoint"], row["status"], row["finish_reason"]) == (
        "videos",
        "finished",
        "completed",
    )
    assert (row["generation_id"], row["latency_ms"]) == (call.generation_id, None)
    assert row["cost_pico"] == money.to_pico(call.charged)
    ledger.settle()
    assert only(home, "select cost_grade, total_pico from request_status") == {
        "cost_grade": "settled",
        "total_pico": money.to_pico(call.charged),
    }


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_video_may_be_looked_at_by_another_process(
    ledger: Ledger, home: Path, sandbox: Sandbox, kind: str
) -> None:
    (taken,) = send(ledger, "httpx-sync", post("videos", model="sandbox/polls-0"))
    with open_ledger(home, sandbox.base_url) as other:
        send(other, kind, poll(taken.json()["id"]))
    assert only(home, "select status from request_status") == {"status": "finished"}
    assert count(home, "process") == 2


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
def test_a_video_that_is_not_made_has_failed(ledger: Ledger, home: Path, ending: str) -> None:
    (taken,) = send(ledger, "httpx-sync", post("videos", model=f"sandbox/job-{ending},polls-0"))
    send(ledger, "httpx-sync", poll(taken.json()["id"]))
    row = only(home, ROW)
    assert (row["status"], row["error_type"], row["finish_reason"]) == (
        "failed",
        "AnswerFailed",
        ending,
    )


def test_looks_at_what_is_not_in_the_books_are_no_rows(ledger: Ledger, home: Path) -> None:
    found = send(ledger, "httpx-sync", poll("job-of-another"), {"method": "GET", "url": "/models"})
    assert [response.status_code for response in found] == [404, 200]
    assert count(home, "request") == 0


def test_a_video_that_is_refused_ends_at_once(ledger: Ledger, home: Path) -> None:
    send(ledger, "httpx-sync", post("videos", model="sandbox/error-402"))
    assert only(home, "select status, cost_grade from request_status") == {
        "status": "failed",
        "cost_grade": "not_charged",
    }
    assert count(home, "video_job") == 0


@pytest.mark.parametrize("path", [path for path in ASKED if path != "videos"])
def test_an_answer_that_fails_is_a_row_that_failed(ledger: Ledger, home: Path, path: str) -> None:
    (response,) = send(ledger, "httpx-sync", post(path, model="sandbox/error-429"))
    assert response.status_code == 429
    row = only(home, ROW)
    assert (row["status"], row["cost_grade"], row["http_status"]) == ("failed", "not_charged", 429)


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages", "embeddings"])
def test_an_error_in_a_good_answer_is_a_row_that_failed(
    ledger: Ledger, home: Path, path: str
) -> None:
    (response,) = send(ledger, "httpx-sync", post(path, model="sandbox/error-200"))
    assert response.status_code == 200
    assert only(home, "select status from outcome") == {"status": "failed"}


@pytest.mark.parametrize("path", ["responses", "messages", "chat/completions", "completions"])
def test_a_stream_that_breaks_off_is_interrupted_and_settled(
    ledger: Ledger, home: Path, sandbox: Sandbox, path: str
) -> None:
    with pytest.raises(Exception, match=r"closed|incomplete"):
        send(ledger, "httpx-sync", post(path, stream=True, model="sandbox/cut"))
    row = only(home, ROW)
    assert (row["status"], row["cost_grade"]) == ("interrupted", "pending")
    ledger.settle()
    settled = only(home, "select cost_grade, cost_pico from request_status")
    assert settled["cost_pico"] == money.to_pico(sandbox.calls[0].charged)


def test_what_a_form_says_is_sent_as_it_is(ledger: Ledger, sandbox: Sandbox, home: Path) -> None:
    import httpx

    form = post("audio/transcriptions")
    plain = httpx.Request("POST", "http://x/", data=form["data"], files=form["files"])
    (response,) = send(ledger, "httpx-sync", form)
    assert response.request.read().count(b"RIFF....") == 1
    assert len(response.request.read()) == len(plain.read())
    assert only(home, "select model_asked from request") == {"model_asked": MODEL}


def test_the_books_hold_nothing_of_what_was_asked_or_answered(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    secret = "a-secret-that-nobody-may-keep"
    for path in ("chat/completions", "responses", "messages"):
        for model in (MODEL, "sandbox/error-403"):
            asked = post(path, model=model)
            name = "input" if path == "responses" else "messages"
            asked["json"][name] = [{"role": "user", "content": secret}]
            send(ledger, "httpx-sync", asked)
    ledger.close()
    for file in home.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
            assert KEY.encode() not in file.read_bytes(), file
    assert len({row["key_hash"] for row in rows(home, "select key_hash from request")}) == 1
