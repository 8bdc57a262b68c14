"""What else OpenAI's client asks for, in both of its majors and with both families."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import KEY, only, open_ledger, rows
from rawserver import BODY, RawServer, answer, read_request
from sdkkit import base_url, missing, package

from ledger import money
from ledger.client import Ledger
from ledger.sandbox import Sandbox

# The majors, each with the families that it takes.
KINDS = [(3, "httpx"), (3, "httpx2"), (2, "httpx")]
each_kind = pytest.mark.parametrize(("major", "family"), KINDS)
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "embeddings": ("embeddings.create", {"input": "Hello"}),
    "completions": ("completions.create", {"prompt": "Hello"}),
    "audio/speech": ("audio.speech.create", {"input": "Hello", "voice": "alloy"}),
    "audio/transcriptions": ("audio.transcriptions.create", {"file": ("a.wav", b"RIFF....")}),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    sandbox.reset()
    with open_ledger(tmp_path / "home", sandbox.base_url) as opened:
        yield opened


def skip_without(major: int) -> None:
    absent = missing("openai", major)
    if absent:
        pytest.skip(absent)


def method(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name)
    return client


def ask(ledger: Ledger, family: str, mode: str, path: str, asked: dict[str, Any]) -> Any:
    """One call by a client that was made as its users make one."""
    known = {"base_url": base_url(ledger), "api_key": KEY, "max_retries": 0}
    if mode == "sync":
        http = ledger.http_client(family)
        with package("openai").OpenAI(**known, http_client=http) as client:
            return method(client, path)(model="maker/model", **asked)

    async def main() -> Any:
        http = ledger.async_http_client(family)
        async with package("openai").AsyncOpenAI(**known, http_client=http) as client:
            return await method(client, path)(model="maker/model", **asked)

    return asyncio.run(main())


@each_kind
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("endpoint", CALLS)
def test_each_endpoint_is_a_row_with_what_it_cost(  # noqa: PLR0913, PLR0917 - a table's cases
    ledger: Ledger, tmp_path: Path, sandbox: Sandbox, major: int, family: str, mode: str,
    endpoint: str,
) -> None:  # fmt: skip
    skip_without(major)
    ask(ledger, family, mode, *CALLS[endpoint])
    (call,) = sandbox.calls
    home = tmp_path / "home"
    row = only(home, "select * from request_status")
    assert (row["endpoint"], row["status"], row["model_asked"]) == (
        endpoint,
        "finished",
        "maker/model",
    )
    assert (row["caller"], row["generation_id"]) == ("test_openai_endpoints", call.generation_id)
    if endpoint == "audio/speech":
        assert (row["cost_grade"], row["cost_pico"]) == ("pending", None)
    else:
        cost = money.to_pico(Decimal(call.cost or ""))
        assert (row["cost_grade"], row["cost_pico"]) == ("reported", cost)
    ledger.settle()
    assert rows(home, "select cost_grade, cost_pico from request_status") == [
        {"cost_grade": "settled", "cost_pico": money.to_pico(call.charged)}
    ]


@each_kind
def test_a_stream_that_its_reader_leaves_is_cancelled_and_settled(
    ledger: Ledger, tmp_path: Path, sandbox: Sandbox, major: int, family: str
) -> None:
    skip_without(major)
    known = {"base_url": base_url(ledger), "api_key": KEY}
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with package("openai").OpenAI(**known, http_client=ledger.http_client(family)) as client:
        model = "sandbox/chunks-50,drip-5"
        with client.chat.completions.create(model=model, **asked) as stream:
            next(iter(stream))
    home = tmp_path / "home"
    ledger.close()
    assert only(home, "select status from request_status") == {"status": "cancelled"}
    with contextlib.closing(Ledger(home=home, base_url=sandbox.base_url, api_key=KEY)) as again:
        again.settle()
    assert only(home, "select cost_grade from request_status") == {"cost_grade": "settled"}


@each_kind
def test_a_refusal_is_openais_own_error(
    ledger: Ledger, tmp_path: Path, major: int, family: str
) -> None:
    skip_without(major)
    ledger.desk.open()
    (tmp_path / "home" / "api_json" / "openrouter_config.json").write_text(
        '{"config": {"enabled": false}}', "utf-8"
    )
    with pytest.raises(package("openai").APIStatusError, match="switched off") as caught:
        ask(ledger, family, "sync", *CALLS["embeddings"])
    assert caught.value.status_code == 402


PACKED: dict[str, tuple[str, Any]] = {
    "zstd": ("zstandard", lambda module, data: module.ZstdCompressor().compress(data)),
    "br": ("brotli", lambda module, data: module.compress(data)),
}


@pytest.mark.parametrize(
    ("family", "encoding"), [("httpx", "br"), ("httpx2", "br"), ("httpx", "zstd")]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_client_alone_can_unpack_is_unpacked_as_it_does(
    tmp_path: Path,
    family: str,
    encoding: str,
    streamed: bool,  # noqa: FBT001 - a case of the table
) -> None:
    distribution, pack = PACKED[encoding]
    absent = missing(distribution) or missing(family)
    if absent:
        pytest.skip(absent)
    plain = b"data: %s\n\ndata: [DONE]\n\n" % BODY if streamed else BODY
    kind = "text/event-stream" if streamed else "application/json"
    packed = pack(package(distribution), plain)

    def serve(connection: socket.socket) -> None:
        assert encoding.encode() in read_request(connection)
        headers = f"Content-Encoding: {encoding}\nContent-Type: {kind}"
        connection.sendall(answer(packed, headers=headers))

    asked = {"model": "maker/model", "messages": [], "stream": streamed}
    with (
        RawServer(serve) as server,
        open_ledger(tmp_path / "home", server.base_url) as ledger,
        ledger.http_client(family, base_url=server.base_url) as client,
    ):
        response = client.post("/chat/completions", json=asked)
    assert response.content == plain
    assert only(tmp_path / "home", "select status, cost_pico, flags from outcome") == {
        "status": "finished",
        "cost_pico": 500_000_000_000,
        "flags": None,
    }
