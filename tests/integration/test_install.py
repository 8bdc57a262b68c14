"""`install()`: clients that nobody handed anything to are on the books, once each."""

import asyncio
import concurrent.futures
import functools
import importlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from callkit import KEY, count, only, open_ledger, rows
from foreignkit import FAMILIES
from rawserver import BODY, RawServer, answer, read_request

import ledger as package
from ledger.client import Ledger
from ledger.errors import ConfigInvalid
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

CLIENTS = [f"{name}-{kind}" for name in FAMILIES for kind in ("sync", "async")]
MODULES: dict[str, Any] = {"httpx": httpx, "httpx2": httpx2}
HEADERS = {"authorization": f"Bearer {KEY}"}
ASKED: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hello there"}],
}
PATH = "/chat/completions"
SENDS = [kind.send for module in (httpx, httpx2) for kind in (module.Client, module.AsyncClient)]


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


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test does, the families' own methods are back after it."""
    yield
    assert sends() == SENDS


def sends() -> list[Any]:
    return [kind.send for module in (httpx, httpx2) for kind in (module.Client, module.AsyncClient)]


def post(kind: str, url: str, *, stream: bool = False, **options: Any) -> Any:
    """One call by a client of that family and kind, made as anybody makes one."""
    name, _, mode = kind.partition("-")
    asked = {"json": ASKED | ({"stream": True} if stream else {}), "headers": HEADERS}
    if mode == "sync":
        with MODULES[name].Client(**options) as client:
            if not stream:
                return client.post(url, **asked)
            with client.stream("POST", url, **asked) as response:
                response.read()
                return response

    async def main() -> Any:
        async with MODULES[name].AsyncClient(**options) as client:
            if not stream:
                return await client.post(url, **asked)
            async with client.stream("POST", url, **asked) as response:
                await response.aread()
                return response

    return asyncio.run(main())


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_of_any_making_is_recorded_while_it_is_on(
    ledger: Ledger,
    home: Path,
    kind: str,
    stream: bool,  # noqa: FBT001 - a case of the table
) -> None:
    url = f"{ledger.settings.base_url}{PATH}"
    post(kind, url, stream=stream)
    with ledger.install():
        response = post(kind, url, stream=stream)
    post(kind, url, stream=stream)
    assert response.elapsed.total_seconds() >= 0
    assert only(home, "select streamed from request") == {"streamed": int(stream)}
    assert only(home, "select status, cost_grade from outcome") == {
        "status": "finished",
        "cost_grade": "reported",
    }
    assert only(home, "select name from caller") == {"name": "test_install"}


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_goes_through_a_transport_of_ours_is_recorded_once(
    ledger: Ledger, home: Path, kind: str
) -> None:
    name, _, mode = kind.partition("-")
    make = ledger.transport if mode == "sync" else ledger.async_transport
    with ledger.install():
        transport = make("named", name)
        post(kind, f"{ledger.settings.base_url}{PATH}", transport=transport)
    assert only(home, "select chain from request") == {"chain": "named"}


class Around(httpx.BaseTransport):
    """What an SDK may put around a transport that it was given, to try again for instance."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_a_transport_of_ours_inside_another_one_is_recorded_once(
    ledger: Ledger, home: Path
) -> None:
    with ledger.install():
        post(
            "httpx-sync", f"{ledger.settings.base_url}{PATH}", transport=Around(ledger.transport())
        )
    assert count(home, "request") == 1


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_client_gets_the_servers_bytes(home: Path, kind: str) -> None:
    odd = b"  \r\n" + BODY.replace(b'"model"', b'"new" : 1e-400, "model"') + b"\n\n"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(odd, headers="X-Odd: yes"))

    with (
        RawServer(serve) as server,
        open_ledger(home, server.base_url) as ledger,
        ledger.install(),
    ):
        response = post(kind, server.base_url + PATH)
    assert (response.content, response.headers["x-odd"]) == (odd, "yes")
    assert only(home, "select cost_pico from outcome") == {"cost_pico": 500_000_000_000}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_redirect_is_one_request(ledger: Ledger, home: Path, kind: str) -> None:
    url = f"{ledger.settings.base_url}{PATH}"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"", "307 Away", f"Location: {url}"))

    with RawServer(serve) as server, ledger.install(hosts=[server.base_url]):
        response = post(kind, server.base_url + PATH, follow_redirects=True)
    assert response.status_code == 401  # the client takes its key to no other origin
    assert only(home, "select base_url from request") == {"base_url": server.base_url}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_refusal_is_the_familys_response(ledger: Ledger, home: Path, kind: str) -> None:
    ledger.desk.open()
    (home / "api_json" / "openrouter_config.json").write_text('{"config": {"enabled": false}}')
    with ledger.install():
        response = post(kind, f"{ledger.settings.base_url}{PATH}")
    assert (response.status_code, response.json()["error"]["code"]) == (402, 402)
    assert isinstance(response, MODULES[kind.partition("-")[0]].Response)
    assert response.elapsed.total_seconds() == 0
    assert count(home, "refusal") == 1


def test_it_is_undone_when_the_last_one_ends(ledger: Ledger) -> None:
    started: list[Any] = [threading.Thread.start, concurrent.futures.ThreadPoolExecutor.submit]
    created = asyncio.BaseEventLoop.create_task
    first, second = ledger.install(), ledger.install()
    assert all(now is not before for now, before in zip(sends(), SENDS, strict=True))
    first.uninstall()
    first.uninstall()
    assert sends() != SENDS
    second.uninstall()
    assert sends() == SENDS
    assert [threading.Thread.start, concurrent.futures.ThreadPoolExecutor.submit] == started
    assert asyncio.BaseEventLoop.create_task is created


def test_what_somebody_else_wrapped_meanwhile_stays(ledger: Ledger, home: Path) -> None:
    installation = ledger.install()
    ours = httpx.Client.send

    def theirs(self: httpx.Client, *args: Any, **more: Any) -> httpx.Response:
        return ours(self, *args, **more)

    httpx.Client.send = theirs  # type: ignore[method-assign]
    installation.uninstall()
    assert httpx.Client.send is theirs
    post("httpx-sync", f"{ledger.settings.base_url}{PATH}")
    assert count(home, "request") == 0
    httpx.Client.send = ours  # type: ignore[method-assign]
    ledger.install().uninstall()


def test_the_latest_ledger_records(ledger: Ledger, home: Path, tmp_path: Path) -> None:
    url = f"{ledger.settings.base_url}{PATH}"
    assert ledger.settings.base_url is not None
    with open_ledger(tmp_path / "other", ledger.settings.base_url) as other, ledger.install():
        with other.install():
            post("httpx-sync", url)
        post("httpx2-sync", url)
    assert (count(home, "request"), count(tmp_path / "other", "request")) == (1, 1)


def test_threads_and_pools_carry_the_chain(ledger: Ledger, home: Path) -> None:
    url = f"{ledger.settings.base_url}{PATH}"
    with ledger.install(), package.caller("skill1"):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(post, "httpx-sync", url).result()
        thread = threading.Thread(target=post, args=("httpx2-sync", url))
        thread.start()
        thread.join()
    assert rows(home, "select chain from request") == [{"chain": "skill1"}] * 2


def test_a_host_that_is_none_changes_nothing(ledger: Ledger) -> None:
    with pytest.raises(ConfigInvalid):
        ledger.install(hosts=["no host"])
    assert sends() == SENDS


def test_the_modules_function_takes_the_default_ledger_as_it_is_at_each_call(
    ledger_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.client import reset_default

    with package.install():
        post("httpx-sync", ledger_sandbox.base_url + PATH)
        reset_default()
        monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "second"))
        post("httpx-sync", ledger_sandbox.base_url + PATH)
    assert count(tmp_path / "ledger_home", "outcome") == 1
    assert count(tmp_path / "second", "outcome") == 1


@pytest.mark.parametrize("kind", CLIENTS)
def test_without_a_ledger_no_call_is_made_and_all_else_goes_on(
    ledger_sandbox: Sandbox, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.client import reset_default

    base = ledger_sandbox.base_url
    with package.install(hosts=[base]):
        reset_default()
        monkeypatch.setenv("LEDGER_URL", "mysql://nowhere")
        response = post(kind, base + PATH)
        assert (response.status_code, response.headers["x-should-retry"]) == (424, "false")
        assert post(kind, base + "/elsewhere").status_code == 404
    assert [call.endpoint for call in ledger_sandbox.calls] == ["/elsewhere"]


# Ways in which a library may hand an async call on.
LIBRARY = """
import asyncio

async def directly(work):
    return await work()

async def gathered(work):
    return await asyncio.gather(work())

async def in_a_task(work):
    return await asyncio.create_task(work())

async def in_a_group(work):
    async with asyncio.TaskGroup() as group:
        group.create_task(work())

async def nested(work):
    return await asyncio.gather(asyncio.wait_for(gathered(work), 30))
"""
ASKER = """
import library

async def ask(way, work):
    await getattr(library, way)(work)
"""


@pytest.mark.parametrize("way", ["directly", "gathered", "in_a_task", "in_a_group", "nested"])
def test_a_task_that_a_library_makes_of_a_call_remembers_who_called(
    ledger: Ledger, home: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "library.py").write_text(LIBRARY, "utf-8")
    (tmp_path / "asker.py").write_text(ASKER, "utf-8")
    for folder in (installed, tmp_path):
        monkeypatch.syspath_prepend(str(folder))
    for name in ("library", "asker"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    asker = importlib.import_module("asker")
    sent = {"url": f"{ledger.settings.base_url}{PATH}", "json": ASKED, "headers": HEADERS}

    async def main() -> None:
        async with ledger.async_http_client() as client:
            await asker.ask(way, functools.partial(client.post, **sent))

    asyncio.run(main())
    assert only(home, "select name from caller") == {"name": "asker"}


def test_a_thread_that_works_for_a_task_is_not_the_task(ledger: Ledger, home: Path) -> None:
    url = f"{ledger.settings.base_url}{PATH}"

    async def main() -> None:
        with httpx.Client() as client:
            send = functools.partial(client.post, url, json=ASKED, headers=HEADERS)
            await asyncio.create_task(asyncio.to_thread(send))

    with ledger.install():
        asyncio.run(main())
    assert only(home, "select caller_id from request") == {"caller_id": None}
