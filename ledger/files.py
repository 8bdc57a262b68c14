"""Safe files: private, atomic, durable, never through a planted link.

A reader sees the old bytes or the new ones, whatever happens in between.
"""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from ledger import clock

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_REPLACE_PATIENCE_S = 2.0
_REPLACE_PAUSE_S = 0.05


def private_folder(path: Path) -> None:
    """Make a folder, with parents, that only its owner can enter. An existing one is left alone.

    Raises:
        OSError: it can't be made.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def create_private(path: Path) -> None:
    """Make an empty file readable by its owner only, before anything is written to it.

    Raises:
        OSError: it can't be made or opened.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), PRIVATE_FILE))


def create_once(path: Path, data: bytes) -> bool:
    """Write a new file whole, unless one is there already; of many at once, one wins.

    Returns:
        True where this call made the file, False where it was there.

    Raises:
        OSError: the folder can't be written.
    """
    if path.exists():
        return False
    temporary = _write_temporary(path, data, PRIVATE_FILE)
    try:
        return name_once(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        sync_folder(path.parent)


def name_once(temporary: Path, path: Path) -> bool:
    """Give a finished file its name, unless something has it. True where it was given.

    Raises:
        OSError: the folder can't be written.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # no hard links here: exclusive creation, then replace
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
        except FileExistsError:
            return False
        try:
            replace(temporary, path)
        except BaseException:
            path.unlink()
            raise
    return True


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> bool:
    """Replace a file's content in one step; a link at the target is replaced, not followed.

    Returns:
        False where the file already held exactly these bytes, and so was not touched.

    Raises:
        OSError: it can't be written; the old file is whole and no litter stays.
    """
    if _holds(path, data):
        return False
    temporary = _write_temporary(path, data, mode)
    try:
        replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
    return True


def _holds(path: Path, data: bytes) -> bool:
    """Whether a plain file has exactly these bytes; a link isn't followed, a pipe not waited on."""
    try:
        return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == data
    except OSError:
        return False


def replace(source: Path, target: Path) -> None:
    """`os.replace`, patient for 2 s where an editor or scanner holds the target (Windows).

    Raises:
        OSError: the target can't be replaced.
    """
    until = clock.monotonic() + _REPLACE_PATIENCE_S
    while True:
        try:
            os.replace(source, target)  # noqa: PTH105 - Path.replace is this call; tests break it
        except PermissionError:
            if clock.monotonic() >= until:
                raise
            clock.sleep(_REPLACE_PAUSE_S)
        else:
            return


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    """A finished, synced file beside the target, under a name that no one else has."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the platform lets folders be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
