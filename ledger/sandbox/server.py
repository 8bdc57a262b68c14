"""The sandbox as a running server: a thread of this process, or the whole of it."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger import clock
from ledger.errors import LedgerError
from ledger.sandbox.scripting import Scripting

if TYPE_CHECKING:
    import asyncio

    from ledger.sandbox.protocol import QuickServer
    from ledger.sandbox.seen import Call

FAKE_KEY = "sk-or-v1-" + "5a" * 32
HOST = "127.0.0.1"
_START_PATIENCE_S = 10.0
_STOP_PATIENCE_S = 5.0
_PAUSE_S = 0.001
_BACKLOG = 2048


class ExtraMissing(LedgerError, ImportError):
    """The optional packages that the sandbox needs are not installed."""


class Sandbox(Scripting):
    """A local OpenRouter over real HTTP, in a thread of this process.

    `with Sandbox() as sandbox:` serves until the block ends; `start()` and `stop()` do the same
    by hand. Any number of them may run at once.

    Args:
        host: address to listen on.
        port: port; 0 takes a free one.
        settings: fields of `Settings`, such as `generation_delay_s=12.0`.

    Attributes:
        key: a fake key that is accepted; so is any other text of its shape.
    """

    key = FAKE_KEY

    def __init__(self, host: str = HOST, port: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self._host = host
        self._port = port
        self._server: QuickServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """What `OPENROUTER_BASE_URL` is set to: `http://127.0.0.1:PORT/api/v1`."""
        return f"{self._origin}/api/v1"

    @property
    def control_url(self) -> str:
        """Where another process can script this sandbox."""
        return f"{self._origin}/__sandbox__"

    @property
    def _origin(self) -> str:
        if self._thread is None:
            raise RuntimeError("the sandbox isn't running; use it as a context manager")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> Self:
        """Serve; when this returns, the port answers.

        Raises:
            ExtraMissing: the extra `sandbox` isn't installed.
            OSError: the port is taken.
        """
        if self._thread is not None:
            raise RuntimeError("the sandbox is running")
        protocol = _protocol()
        from ledger.sandbox.app import App

        listening = _listen(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = protocol.make_server(App(self))
        self._loop = protocol.Loop()
        self._thread = threading.Thread(
            target=self._serve,
            args=(self._loop, self._server, listening),
            name="ledger-sandbox",
            daemon=True,
        )
        self._thread.start()
        self._wait_until_started()
        return self

    def outside(self, path: str = "/chat/completions", **body: Any) -> "Call":
        """Make a call that no ledger sees, as another program with the same key would.

        Args:
            path: below the base URL.
            body: of the request; a model and a message, where nothing else is given. `key`, `user`
                and `directives` may be among it, the first being sent as the key, the last as
                the header.
        """
        from http.client import HTTPConnection

        body = {"model": "outside/model", "messages": [{"role": "user", "content": "Hi"}], **body}
        key, directives = body.pop("key", self.key), body.pop("directives", "")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        headers |= {"X-Sandbox": directives} if directives else {}
        with contextlib.closing(HTTPConnection(self._host, self._port)) as connection:
            connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
            connection.getresponse().read()
        return self.calls[-1]

    @staticmethod
    def _serve(
        loop: "asyncio.AbstractEventLoop",
        server: "QuickServer",
        listening: socket.socket,
    ) -> None:
        """The thread: one event loop, one server."""
        try:
            loop.run_until_complete(server.serve(sockets=[listening]))
        finally:
            listening.close()
            loop.close()

    def _wait_until_started(self) -> None:
        """Return once the server takes connections.

        Raises:
            RuntimeError: it never did.
        """
        until = clock.monotonic() + _START_PATIENCE_S
        assert self._server is not None
        assert self._thread is not None
        while not self._server.started:
            if not self._thread.is_alive() or clock.monotonic() > until:
                raise RuntimeError("the sandbox didn't start")
            clock.sleep(_PAUSE_S)

    def stop(self) -> None:
        """End the server and every connection at once; what was seen stays readable."""
        if self._thread is None or self._loop is None or self._server is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(_STOP_PATIENCE_S)
        self._thread = self._loop = self._server = None


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Its protocol is named, for only then does asyncio switch off the delay of small packets on
    its connections: without, headers and body arrive 40 ms apart.

    Raises:
        OSError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option lets two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _protocol() -> Any:
    """The module that needs the extra.

    Raises:
        ExtraMissing: it can't be imported.
    """
    try:
        from ledger.sandbox import protocol
    except ImportError as error:
        raise ExtraMissing(
            f"The sandbox needs {error.name or 'a package'} that isn't installed.",
            hint="Install it: pip install 'openrouter-ledger[sandbox]'",
        ) from error
    return protocol


def run(
    host: str = HOST,
    port: int = 0,
    *,
    on_ready: Callable[[Sandbox], None] | None = None,
    **settings: Any,
) -> None:
    """Serve in the foreground until interrupted.

    Args:
        host: address to listen on.
        port: port; 0 takes a free one.
        on_ready: called once it serves, with the sandbox; print its `base_url` there.
        settings: fields of `Settings`.

    Raises:
        ExtraMissing: the extra `sandbox` isn't installed.
        OSError: the port is taken.
    """
    with Sandbox(host, port, **settings) as sandbox, contextlib.suppress(KeyboardInterrupt):
        if on_ready is not None:
            on_ready(sandbox)
        while True:
            clock.sleep(1.0)
