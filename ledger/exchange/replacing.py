"""Replacing files whole: streamed, in one step, and only where a byte differs.

A target's own links are never followed: a symbolic link is replaced by a file, and a hard link's
other names keep the old content.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from ledger import files
from ledger.books.lockfile import fcntl

_MARK = ".export-"
_SUFFIX = ".tmp"
_COPY_BYTES = 1 << 20
# Without waiting: a pipe at the target must not hold the export up.
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def replace_where_different(path: Path, chunks: Iterable[bytes]) -> bool:
    """Make a file hold exactly these bytes. In memory is never more than one chunk.

    Returns:
        False where it held them already: then it was not touched.

    Raises:
        OSError: it can't be written. The old file is whole, and no litter stays.
    """
    waiting = iter(chunks)
    with contextlib.ExitStack() as stack:
        old = _open_regular(path)
        if old is None:
            _write(path, waiting)
            return True
        stack.enter_context(old)
        same = 0
        for chunk in waiting:
            if old.read(len(chunk)) != chunk:
                _write(path, waiting, old, same, chunk)
                return True
            same += len(chunk)
        if old.read(1):
            _write(path, (), old, same)
            return True
    return False


def holds(path: Path, chunks: Iterable[bytes]) -> bool:
    """Whether a plain file has exactly these bytes. In memory is never more than one chunk."""
    file = _open_regular(path)
    if file is None:
        return False
    with file:
        return all(file.read(len(chunk)) == chunk for chunk in chunks) and not file.read(1)


def clear_litter(path: Path) -> None:
    """Remove what exporters that were killed left beside a target.

    A living one holds a kernel lock on its temporary file. Where there are no such locks
    (Windows), a file that is open can't be removed.
    """
    prefix = f".{path.name}{_MARK}"
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        names = [each.name for each in entries if each.name.startswith(prefix)]
        for name in names:
            if name.endswith(_SUFFIX):
                with contextlib.suppress(OSError):
                    _remove_ownerless(path.with_name(name))


def _remove_ownerless(temporary: Path) -> None:
    """Remove a temporary file, unless its maker lives."""
    descriptor = -1
    try:
        if fcntl is not None:
            descriptor = os.open(temporary, _READ_FLAGS)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.unlink()
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _open_regular(path: Path) -> BinaryIO | None:
    """The file to compare with; None where there is none, or no plain file of ours to read."""
    if path.is_symlink():
        return None
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _write(
    path: Path,
    rest: Iterable[bytes],
    old: BinaryIO | None = None,
    same: int = 0,
    chunk: bytes = b"",
) -> None:
    """Write the beginning that both have, then what is new, and give it the target's name."""
    temporary, file = _temporary(path)
    try:
        with file:
            if old is not None:
                _copy(old, file, same)
                old.close()  # Windows replaces no file that is open
            file.write(chunk)
            file.writelines(rest)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # named before its lock goes, or it could be taken for litter
                files.replace(temporary, path)
        if fcntl is None:
            files.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    files.sync_folder(path.parent)


def _temporary(path: Path) -> tuple[Path, BinaryIO]:
    """A new private file beside the target, locked as long as it is open."""
    while True:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}{_MARK}", suffix=_SUFFIX, dir=path.parent
        )
        if fcntl is None:
            return Path(name), os.fdopen(descriptor, "wb")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # nobody took it for litter before it was locked
            return Path(name), os.fdopen(descriptor, "wb")
        os.close(descriptor)


def _copy(old: BinaryIO, new: BinaryIO, size: int) -> None:
    """Copy the first bytes of the old file."""
    old.seek(0)
    while size:
        piece = old.read(min(size, _COPY_BYTES))
        if not piece:
            raise OSError("the file changed while it was compared")
        new.write(piece)
        size -= len(piece)
