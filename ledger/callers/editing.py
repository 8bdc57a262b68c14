"""Changing a value in a config file: checked before it is written, in one step, the rest kept."""

import contextlib
import copy
import os
import stat
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger import files
from ledger.callers import documents
from ledger.callers.documents import Document
from ledger.errors import ConfigInvalid, RequestInvalid
from ledger.openrouter import exact

Read = Callable[[Document], object]


def value_of(text: str) -> Any:
    """What a person means by a value on a command line: JSON, else the text itself."""
    try:
        return exact.loads(text)
    except ValueError:
        return text


def write_values(
    document: Document, section: tuple[str, ...], values: Mapping[str, Any], read: Read
) -> None:
    """Set values in one section of a config file; everything else in it stays.

    A link is followed: the file it leads to is the user's. Mode and owner are kept.

    Args:
        document: the file as it is.
        section: the keys that lead to the section, which is made where it is missing.
        values: what to set in it.
        read: reads a document as a config, or raises.

    Raises:
        RequestInvalid: a value is of the wrong kind; nothing was written.
        ConfigInvalid: something in the way of the section is no object.
        OSError: the file can't be written; the old one is whole.
    """
    document.section(*section)
    data = copy.deepcopy(document.data)
    target = data
    for key in section:
        target = target.setdefault(key, {})
    target |= {key: exact_number(value) for key, value in values.items()}
    write_document(document.path, data, read)


def write_document(path: Path, data: dict[str, Any], read: Read) -> None:
    """Write a whole config, once it is sure that it can be read as one.

    Raises:
        RequestInvalid: it can't; nothing was written.
        OSError: the file can't be written; the old one is whole.
    """
    try:
        text = exact.dumps(data, indent=2) + "\n"
    except (TypeError, ValueError) as error:
        raise RequestInvalid(f"Nothing was changed: {error}.") from None
    try:
        read(documents.parse(path, text))
    except ConfigInvalid as error:
        told = error.message.startswith(str(path))  # where it would be wrong, if it were written
        problem = error.message.partition(": ")[2] if told else error.message
        raise RequestInvalid(f"Nothing was changed: {problem}") from None
    real = Path(os.path.realpath(path))
    mode, owner = files.PRIVATE_FILE, None
    with contextlib.suppress(OSError):
        found = real.stat()
        mode, owner = stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid)
    files.write_atomic(real, text.encode("ascii"), mode)
    if owner is not None and hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # root's new file goes back to its owner
            os.chown(real, *owner)


def exact_number(value: Any) -> Any:
    """A float as the number that its digits show, as the template's own values are."""
    return Decimal(repr(value)) if isinstance(value, float) else value
