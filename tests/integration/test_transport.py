"""The transport's manners: whom it books, what it leaves alone, and how it refuses."""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import httpx
import pytest
from callkit import KEY, call, change_config, count, only, open_ledger, rows
from foreignkit import FAMILIES
from rawserver import BODY, RawServer, answer, read_request

from ledger.client import Ledger
from ledger.errors import CallerInvalid, ConfigInvalid, KeyMissing, RequestInvalid
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

CLIENTS = [f"{name}-{kind}" for name in FAMILIES for kind in ("sync", "async")]
HEADERS = {"authorization": f"Bearer {KEY}"}
MODEL = "openai/gpt-4o-mini"
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Hello there"}]}
PATH = "/chat/completions"
WHO = "select c.name, r.chain from request r join caller c on c.id = r.caller_id"


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


def post(ledger: Ledger, kind: str, url: str | None = None, **options: Any) -> Any:
    """One call by a client of that family and kind; its response, read."""
    name, _, mode = kind.partition("-")
    url = f"{ledger.settings.base_url}{PATH}" if url is None else url
    if mode == "sync":
        with ledger.http_client(name, **options) as client:
            return client.post(url, json=ASKED, headers=HEADERS)

    async def main() -> Any:
        async with ledger.async_http_client(name, **options) as client:
            return await client.post(url, json=ASKED, headers=HEADERS)

    return asyncio.run(main())


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_caller_is_the_module_that_called(ledger: Ledger, home: Path, kind: str) -> None:
    post(ledger, kind)
    assert rows(
        home, "select c.name, r.chain from request r join caller c on c.id=r.caller_id"
    ) == [{"name": "test_transport", "chain": "test_transport"}]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_caller_that_is_named_is_booked_by_its_name(
    ledger: Ledger, home: Path, kind: str
) -> None:
    post(ledger, kind, caller="skill1->skill2")
    assert rows(
        home, "select c.name, r.chain from request r join caller c on c.id=r.caller_id"
    ) == [{"name": "skill2", "chain": "skill1->skill2"}]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_chain_that_is_open_is_booked(ledger: Ledger, home: Path, kind: str) -> None:
    from ledger import caller

    with caller("orchestrator"), caller("skill1"):
        post(ledger, kind)
    assert only(home, "select chain from request") == {"chain": "orchestrator->skill1"}


def test_a_caller_that_nobody_can_tell_is_null(sandbox: Sandbox, home: Path) -> None:
    code = f"""
    import httpx
    from ledger.client import Ledger
    with Ledger(home={str(home)!r}, base_url={sandbox.base_url!r}, background=False) as ledger:
        with ledger.http_client() as client:
            client.post({sandbox.base_url + PATH!r}, json={ASKED!r}, headers={HEADERS!r})
    """
    environment = os.environ | engines.environment(home)
    command = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert only(home, "select caller_id, chain from request") == {"caller_id": None, "chain": None}


@pytest.mark.parametrize("kind", CLIENTS)
def test_no_config_is_made_for_a_caller(ledger: Ledger, home: Path, kind: str) -> None:
    post(ledger, kind)
    assert count(home, "provisioning_event") == 0
    assert not list(home.parent.rglob("openrouter_skill_config.json"))
    call(ledger, "sync", model=MODEL, caller=None)
    assert len(list(home.parent.rglob("openrouter_skill_config.json"))) == 1
    assert count(home, "caller") == 2  # the kit's own module made the second call


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_caller_that_is_switched_off_is_refused(ledger: Ledger, home: Path, kind: str) -> None:
    call(ledger, "sync", model=MODEL, caller="test_transport")
    (config,) = home.parent.rglob("openrouter_skill_config.json")
    change_config(config, enabled=False)
    response = post(ledger, kind, caller="test_transport")
    assert (response.status_code, response.headers["x-should-retry"]) == (402, "false")
    assert response.json()["error"]["type"] == "CallerDisabled"
    assert type(response).__module__.partition(".")[0] == kind.partition("-")[0]
    assert only(home, "select reason, source from refusal") == {
        "reason": "CallerDisabled",
        "source": "transport",
    }
    assert count(home, "request") == 1


@pytest.mark.parametrize("kind", CLIENTS)
def test_other_hosts_pass_unrecorded_until_they_are_named(
    ledger: Ledger, home: Path, kind: str
) -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(answer(BODY))

    with RawServer(serve) as server:
        url = f"http://127.0.0.1:{server.port}/v1{PATH}"
        assert post(ledger, kind, url).content == BODY
        assert count(home, "request") == 0
        assert post(ledger, kind, url, hosts=[f"127.0.0.1:{server.port}"]).content == BODY
        base = f"http://127.0.0.1:{server.port}/v1"
        assert only(home, "select base_url, model_asked from request") == {
            "base_url": base,
            "model_asked": MODEL,
        }
        assert post(ledger, kind, url, hosts=[base]).content == BODY
        assert count(home, "request") == 2


def test_a_broken_config_stops_no_call_to_another_host(ledger: Ledger, home: Path) -> None:
    ledger.desk.open()
    (home / "api_json" / "openrouter_config.json").write_text("{", "utf-8")

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer())

    with RawServer(serve) as server:
        url = f"http://127.0.0.1:{server.port}/v1{PATH}"
        assert post(ledger, "httpx-sync", url).status_code == 200
    assert post(ledger, "httpx-sync").json()["error"]["type"] == "ConfigInvalid"
    assert only(home, "select reason from refusal") == {"reason": "ConfigInvalid"}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_compressed_answer_is_passed_as_it_is_and_read(home: Path, kind: str) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(BODY) + packer.flush()

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(packed, headers="Content-Encoding: gzip"))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        assert post(ledger, kind).content == BODY
    assert only(home, "select cost_pico from outcome") == {"cost_pico": 500_000_000_000}


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_requests_bytes_are_the_clients(home: Path, kind: str) -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(answer(BODY))

    name, _, mode = kind.partition("-")
    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        post(ledger, kind)
        url = server.base_url + PATH
        module = __import__(name)
        if mode == "sync":
            with module.Client() as client:
                client.post(url, json=ASKED, headers=HEADERS)
        else:

            async def main() -> None:
                async with module.AsyncClient() as client:
                    await client.post(url, json=ASKED, headers=HEADERS)

            asyncio.run(main())
    assert seen[0] == seen[1]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_body_that_is_sent_in_pieces_is_sent_in_pieces(
    ledger: Ledger, home: Path, kind: str
) -> None:
    pieces = (b'{"model": "openai/gpt-4o-mini", "messages": ', b'[{"role":"user","content":"x"}]}')
    url = f"{ledger.settings.base_url}{PATH}"
    name, _, mode = kind.partition("-")
    if mode == "sync":
        with ledger.http_client(name) as client:
            response = client.post(url, content=iter(pieces), headers=HEADERS)
    else:

        async def body() -> Any:
            for piece in pieces:
                yield piece

        async def main() -> Any:
            async with ledger.async_http_client(name) as client:
                return await client.post(url, content=body(), headers=HEADERS)

        response = asyncio.run(main())
    assert response.status_code == 200
    assert only(home, "select model_asked from request") == {"model_asked": None}
    assert only(home, "select model from outcome") == {"model": MODEL}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_proxy_of_the_environment_is_used(
    ledger: Ledger, home: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        while True:
            seen.append(read_request(connection).partition(b"\r\n")[0])
            connection.sendall(answer(BODY))

    with RawServer(serve) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert post(ledger, kind).content == BODY
        assert seen == [f"POST {ledger.settings.base_url}{PATH} HTTP/1.1".encode()]
        assert post(ledger, kind, trust_env=False).status_code == 200
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert post(ledger, kind).status_code == 200
        assert len(seen) == 1
        monkeypatch.delenv("HTTP_PROXY")
        assert post(ledger, kind, proxy=f"http://127.0.0.1:{proxy.port}").content == BODY
    assert len(seen) == 2
    assert count(home, "request") == 4


def test_what_is_wrong_is_said_where_a_client_is_made(
    ledger: Ledger, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestInvalid):
        ledger.http_client("requests")
    with pytest.raises(CallerInvalid):
        ledger.transport("No Name")
    with pytest.raises(ConfigInvalid):
        ledger.async_http_client(hosts=["no host"])
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(RequestInvalid, match="pip install openai"):
        ledger.openai()
    monkeypatch.undo()
    with open_ledger(home, "http://127.0.0.1:1/api/v1", api_key=None) as keyless:
        with pytest.raises(KeyMissing):
            keyless.openai()
        assert keyless.openai(api_key="other").api_key == "other"


def test_a_transport_of_ones_own_may_be_below(ledger: Ledger, home: Path) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=BODY, request=request)

    inner = httpx.MockTransport(serve)
    with ledger.http_client(transport=inner) as client:
        client.post(f"{ledger.settings.base_url}{PATH}", json=ASKED)
    with httpx.Client(transport=ledger.transport(inner=inner)) as client:
        client.post(f"{ledger.settings.base_url}{PATH}", json=ASKED)
    assert count(home, "outcome") == 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_openais_own_client_has_the_ledgers_base_url_and_key(
    ledger: Ledger, home: Path, kind: str
) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": ASKED["messages"]}
    if kind == "sync":
        with ledger.openai() as client:
            text = client.chat.completions.create(**asked).choices[0].message.content
    else:

        async def main() -> Any:
            async with ledger.async_openai(caller="flow_x") as client:
                return (await client.chat.completions.create(**asked)).choices[0].message.content

        text = asyncio.run(main())
    assert text == "Echo: Hello there"
    assert only(home, WHO)["name"] == ("test_transport" if kind == "sync" else "flow_x")


def test_the_modules_functions_are_the_default_ledgers(
    ledger_sandbox: Sandbox, tmp_path: Path
) -> None:
    import ledger

    with ledger.http_client() as client:
        client.post(ledger_sandbox.base_url + PATH, json=ASKED, headers=HEADERS)
    with ledger.openai() as client:
        client.embeddings.create(model="maker/embed", input="Hello")

    async def main() -> None:
        async with ledger.async_openai() as client, ledger.async_http_client() as plain:
            await client.embeddings.create(model="maker/embed", input="Hello")
            await plain.post(ledger_sandbox.base_url + PATH, json=ASKED, headers=HEADERS)

    asyncio.run(main())
    assert count(tmp_path / "ledger_home", "outcome") == 4


@pytest.mark.parametrize("kind", CLIENTS)
def test_content_is_stored_only_where_the_home_wants_it(
    ledger: Ledger, home: Path, kind: str
) -> None:
    assert post(ledger, kind).status_code == 200
    assert count(home, "content") == 0
    path = home / "api_json" / "openrouter_config.json"
    change_config(path, store_messages=True, store_answers=True)
    assert post(ledger, kind).status_code == 200
    assert post(ledger, kind).status_code == 200
    ledger.books.writer.write()
    found = [(row.kind, row.role, row.text) for row in ledger.logs()]
    asked, answered = (
        ("message", "user", "Hello there"),
        ("answer", "assistant", "Echo: Hello there"),
    )
    assert sorted(found) == sorted([asked, answered] * 2)
