"""The parts of the server that need uvicorn: loaded when a sandbox starts, not before."""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger import clock
from ledger.sandbox.wire import TRANSPORT

_PATIENCE_S = 1


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on while a test has frozen the clock."""

    def time(self) -> float:
        """Seconds that nobody freezes."""
        return clock.monotonic()


class TransportProtocol(HttpToolsProtocol):
    """HTTP/1.1, with the connection itself within the application's reach: some answers end it."""

    def on_message_begin(self) -> None:
        """Put the transport into the request's scope."""
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {TRANSPORT: self.transport}


class QuickServer(uvicorn.Server):
    """A server that doesn't wait for anybody when it is told to stop."""

    def stop(self) -> None:
        """Close every connection, busy or idle, and leave the main loop. From the loop's thread."""
        self.should_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.close()

    async def finish(self) -> None:
        """Cancel answers that are still under way, and drop connections that nobody reads."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, then end what is still going on at once."""
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        await self.finish()
        await asyncio.sleep(0)


def make_server(app: Any) -> QuickServer:
    """A silent server for an application; it leaves signals to whoever owns the process."""
    config = uvicorn.Config(
        app,
        http=TransportProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_PATIENCE_S,
    )
    return QuickServer(config)
