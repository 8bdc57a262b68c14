"""The JSON documents, as ASCII bytes in pieces: what the views yield, framed.

A data document is one row of its view, printed with an indent. A log is one entry a line,
streamed, oldest first; behind the entries it says how many are shown, and of how many.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from ledger.openrouter import exact

_ENTRIES_A_PIECE = 500
_NON_ASCII = re.compile("[^\x00-\x7f]+")


def pretty(document: str) -> bytes:
    """A document's text, printed for people; every number keeps its digits."""
    return exact.dumps(exact.loads(document), indent=2).encode("ascii") + b"\n"


def log(head: dict[str, str], entries: Iterable[str], total: int) -> Iterator[bytes]:
    """A log, in pieces.

    Args:
        head: what stands before the entries, such as `module_name`.
        entries: each entry's JSON, oldest first.
        total: how many there are in the books.
    """
    named = "".join(f'  "{name}": {exact.dumps(text)},\n' for name, text in head.items())
    yield b"{\n" + named.encode("ascii") + b'  "logs": ['
    waiting, shown, between = iter(entries), 0, "\n    "
    while piece := list(islice(waiting, _ENTRIES_A_PIECE)):
        yield ascii_bytes(between + ",\n    ".join(piece))
        shown, between = shown + len(piece), ",\n    "
    end = "\n  ]" if shown else "]"
    yield f'{end},\n  "entries_shown": {shown},\n  "entries_total": {total}\n}}\n'.encode("ascii")


def ascii_bytes(text: str) -> bytes:
    r"""JSON in ASCII: what is beyond becomes `\uXXXX`, in pairs above the first 65,536.

    JSON has such characters only inside of texts, where these escapes mean the same.
    """
    if not text.isascii():
        text = _NON_ASCII.sub(_escape, text)
    return text.encode("ascii")


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
