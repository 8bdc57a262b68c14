"""The lock file: one queue of writers across processes, and the mark of the last checkpoint.

SQLite's own wait for the write lock is a poll in which the unlucky wait for seconds. A kernel
lock on a file beside the database wakes the next in line. Every writer takes it, always, and
so does the checkpointer: a checkpoint that runs beside a commit corrupts most SQLite versions
in use (sqlite.org/wal.html#walresetbug).
"""

import os
from pathlib import Path
from typing import Any

try:
    import fcntl as _fcntl
except ImportError:  # Windows: SQLite's busy timeout is the queue there
    _fcntl = None  # type: ignore[assignment]

fcntl: Any = _fcntl

_MARK_BYTES = 8


class LockFile:
    """An exclusive lock between processes. One thread at a time may use an instance."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    @property
    def is_real(self) -> bool:
        """Whether the platform has such locks."""
        return fcntl is not None

    def try_lock(self) -> bool:
        """Take the lock if nobody holds it.

        Raises:
            OSError: the file can't be opened.
        """
        if fcntl is None:
            return True
        if self._descriptor < 0:
            self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock(self) -> None:
        """Wait in the kernel's queue until the lock is ours.

        Raises:
            OSError: the file can't be opened.
        """
        if fcntl is None:
            return
        if self._descriptor < 0:
            self._open()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Let the next in line go on."""
        if fcntl is not None and self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read_mark(self) -> int:
        """The size of the write-ahead log at the last checkpoint, in bytes; 0 if never."""
        if self._descriptor < 0:
            return 0
        return int.from_bytes(os.pread(self._descriptor, _MARK_BYTES, 0), "big")

    def write_mark(self, size: int) -> None:
        """Note the size of the write-ahead log after a checkpoint. Only under the lock."""
        if self._descriptor >= 0:
            os.pwrite(self._descriptor, size.to_bytes(_MARK_BYTES, "big"), 0)

    def close(self) -> None:
        """Forget the file: a lock belongs to the open file, so no fork may inherit it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o600)
