"""Names of callers: one path component, the same on every platform.

A name found in a file's stem is mapped, never refused; a name that a person gave is checked,
never silently changed. What the mapping yields passes the check.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Sequence

from ledger import errors

ARROW = "->"
MAX_DEPTH = 32
"""The most members of a chain: what is deeper runs in a circle."""

NO_FOLDER = ""
"""The folder of a caller that only a file names: its module is to find the name free."""

_MAX_LENGTH = 64
_HASH_LENGTH = 8
_SHOWN = 80
_OUTSIDE = re.compile(r"[^a-z0-9_.-]+")
_CUT = re.compile(rf"[a-z0-9_.-]{{{_MAX_LENGTH}}}-[0-9a-f]{{{_HASH_LENGTH}}}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)")
_ALLOWED = f"a-z, 0-9, `_`, `.` and `-`, at most {_MAX_LENGTH} of them"


def _hash(text: str) -> str:
    """A short mark of a text that the mapping lost parts of; lone surrogates are no obstacle."""
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(encoded).hexdigest()[:_HASH_LENGTH]


def from_stem(stem: str) -> str:
    """The caller's name for a file's or folder's stem; mapping a name again changes nothing.

    Case and Unicode forms that look alike are folded, each run outside `[a-z0-9_.-]` becomes
    `_`, a longer name keeps 64 characters and gets a hash, a stem of which nothing is left
    becomes `_` and its hash. Names that Windows gives to devices, and names that end in a dot
    (which it drops), get a `_`.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", stem).casefold())
    if not _OUTSIDE.sub("", folded):
        return "_" + _hash(folded)
    name = _OUTSIDE.sub("_", folded)
    name = _DEVICE.sub(r"\1_", name, count=1) if _DEVICE.match(name) else name
    name = name + "_" if name.endswith(".") else name
    if len(name) <= _MAX_LENGTH or _CUT.fullmatch(name):
        return name
    return f"{name[:_MAX_LENGTH]}-{_hash(folded)}"


def checked_text(explicit: object) -> str:
    """The text that a caller's name must be, whatever a module without types passed.

    Raises:
        CallerInvalid: it is something else.
    """
    if not isinstance(explicit, str):
        kind = type(explicit).__name__
        raise errors.CallerInvalid(f"A caller is named by text, not {kind}.")
    return explicit


def is_chain(explicit: str) -> bool:
    """Whether an explicit `caller=` says the whole chain, and not one member."""
    return ":" in explicit or ARROW in explicit


def check_depth(members: Sequence[str]) -> None:
    """A chain has an end.

    Raises:
        ChainTooDeep: it has more than 32 members.
    """
    if len(members) > MAX_DEPTH:
        shown = ARROW.join((*members[:3], "...", *members[-3:]))
        raise errors.ChainTooDeep(
            f"The chain {shown} has {len(members)} members, and {MAX_DEPTH} at most may be.",
            hint="Look for modules that call each other in a circle.",
        )


@functools.lru_cache(maxsize=1024)
def parse_explicit(caller: str) -> tuple[str, str]:
    """The name and the chain that an explicit `caller=` means.

    `"multi_skill:orchestrator->skill1->skill2"` is `("skill2", "orchestrator->skill1->skill2")`:
    what stands before the `:` says only that it is a chain, and is dropped.

    Raises:
        CallerInvalid: a member is no name; the message says what is allowed and suggests one.
        ChainTooDeep: it has too many members.
    """
    chain = caller.partition(":")[2] if ":" in caller else caller
    members = chain.split(ARROW)
    for member in members:
        if not member or from_stem(member) != member:
            raise _invalid(caller, member, members)
    check_depth(members)
    return members[-1], ARROW.join(members)


def _invalid(caller: str, member: str, members: list[str]) -> errors.CallerInvalid:
    """The error for a caller of which one member cannot be a name."""
    shown = ascii(caller[:_SHOWN])
    where = f"{member[:_SHOWN]!a} in caller={shown}" if len(members) > 1 else f"caller={shown}"
    problem = "is empty" if not member else "is no caller's name"
    suggestion = ARROW.join(from_stem(each) for each in members if each)
    hint = f"Allowed are {_ALLOWED}; members of a chain are joined by `{ARROW}`."
    if suggestion:
        hint += f" Try caller={suggestion!a}."
    return errors.CallerInvalid(f"{where} {problem}.", hint=hint)
