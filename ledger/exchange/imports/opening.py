"""Files of others, opened with care: whatever is no plain file is refused, and nothing waits."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ledger.errors import ImportFailed

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def open_plain(path: Path) -> BinaryIO:
    """A regular file's bytes.

    Raises:
        ImportFailed: it isn't there, can't be read, or is a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise broken(path, error.strerror or str(error)) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise broken(path, "it is a folder", hint="Name a file in it.")
    raise broken(
        path, "it is no regular file", hint="Save what it yields to a file: it is read twice."
    )


def broken(path: Path | str, reason: str, hint: str = "") -> ImportFailed:
    """The error of a file that can't be imported."""
    return ImportFailed(
        f"{path} cannot be imported: {reason}. Nothing of it was booked.", hint=hint
    )
