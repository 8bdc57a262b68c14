"""A proxy before a PostgreSQL server that loses connections at the worst moment: the COMMIT."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
_SIZE = 65536

Cut = Callable[[socket.socket, socket.socket, bytes], None]


class CutProxy:
    """Passes bytes on, until a COMMIT comes while it is armed.

    Args:
        port: the server's.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._armed: Cut | None = None
        self.spared = 0
        """So many COMMITs pass first."""
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next one
        self._listener.close()

    def lose_commit(self) -> None:
        """The next COMMIT never reaches the server."""
        self._armed = lambda client, _server, _data: _end(client)

    def lose_answer(self) -> None:
        """The next COMMIT is carried out, and nobody hears of it."""

        def cut(client: socket.socket, server: socket.socket, data: bytes) -> None:
            server.sendall(data)
            server.recv(_SIZE)
            _end(client)

        self._armed = cut

    def delay_commit(self, seconds: float) -> None:
        """The connection breaks at the next COMMIT, which the server gets so much later."""

        def cut(client: socket.socket, server: socket.socket, data: bytes) -> None:
            _end(client)
            time.sleep(seconds)
            server.sendall(data)
            server.recv(_SIZE)

        self._armed = cut

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, both ways in one thread: a cut has the server's answers to itself."""
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self._server)) as server,
        ):
            while True:
                for ready in select.select((client, server), (), ())[0]:
                    data = ready.recv(_SIZE)
                    if not data:
                        return
                    if ready is server:
                        client.sendall(data)
                    elif (armed := self._due(data)) is not None:
                        armed(client, server, data)
                        return
                    else:
                        server.sendall(data)

    def _due(self, data: bytes) -> Cut | None:
        """What is to be done with this COMMIT, if it is one and its turn has come."""
        if self._armed is None or not data.endswith(_COMMIT):
            return None
        if self.spared:
            self.spared -= 1
            return None
        armed, self._armed = self._armed, None
        self.cuts += 1
        return armed


def _end(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
