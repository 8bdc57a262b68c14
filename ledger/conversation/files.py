"""A file's content as a message of the chain."""

import os
from pathlib import Path
from typing import Any

from ledger.errors import RequestInvalid

MAX_FILE = 10 * 1024 * 1024


def file_message(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The message that puts a text file into the chain: its name, and all that is in it.

    Raises:
        RequestInvalid: it can't be read, is no UTF-8 text, or has more than 10 MiB.
    """
    where = Path(path)
    try:
        size = where.stat().st_size
        content = where.read_bytes() if size <= MAX_FILE else b""
    except OSError as error:
        raise RequestInvalid(f"{where} cannot be read: {error.strerror}.") from None
    if size > MAX_FILE:
        raise RequestInvalid(f"{where} has {size} bytes; {MAX_FILE} at most go into a chain.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise RequestInvalid(
            f"{where} is no UTF-8 text.",
            hint="Send images and documents as parts of a message.",
        )
    return {"role": "user", "content": f"{where.name}:\n\n{text}"}
