"""The gate between a background thread and the books: shut during forks, and at the end."""

import threading


class Closed(Exception):
    """The ledger was closed, or the process ends: the thread has nothing more to do here."""


class Gate:
    """Held while the books are read or written.

    A connection that is open in one thread while another forks would lose rows in the child.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_closed = False

    def __enter__(self) -> None:
        """Wait for a fork to be over.

        Raises:
            Closed: nobody may pass any more.
        """
        self._lock.acquire()
        if self._is_closed:
            self._lock.release()
            raise Closed

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def close(self) -> None:
        """Let nobody pass from now on. Who is inside goes on to its end."""
        self._is_closed = True

    def hold(self, timeout_s: float) -> bool:
        """Keep everyone out for a fork; whoever is inside is waited for, for so long."""
        return self._lock.acquire(timeout=timeout_s)

    def release(self) -> None:
        """The fork is over, in the parent."""
        self._lock.release()
