"""The blocks that are open where code runs: what they add to the chain, and their tags.

Kept in a context variable, so that tasks have them by themselves and never each other's. What the
parent process handed down is read once, when this module is loaded by the first use of the ledger.
"""

import dataclasses
import logging
import os
from collections.abc import Sequence
from contextvars import ContextVar

from ledger import errors, logs
from ledger.callers import names
from ledger.callers import tags as tags_module

VARIABLE = "LEDGER_CHAIN"
_LONGEST = 4096
_ELSEWHERE = ("<elsewhere>",)
"""Who opened what was inherited: no file of this process."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One open block: who it adds, the files that it was opened from, and its tags."""

    members: tuple[str, ...]
    opened_by: tuple[str, ...]
    tags: tuple[tuple[str, str], ...] = ()
    owner: object = None


Blocks = tuple[Block, ...]


def _inherited() -> Blocks:
    """What the parent process handed down; a value that can be no chain is said once."""
    text = os.environ.get(VARIABLE)
    if not text:
        return ()
    try:
        if len(text) > _LONGEST:
            raise errors.CallerInvalid("it is too long")  # noqa: TRY301 - one place says it
        _, chain = names.parse_explicit(text)
    except errors.CallerInvalid:
        logs.log_once(VARIABLE, logging.WARNING, "%s is no chain, so it is ignored", VARIABLE)
        return ()
    return (Block(tuple(chain.split(names.ARROW)), _ELSEWHERE),)


open_blocks: ContextVar[Blocks] = ContextVar("ledger_chain", default=_inherited())  # noqa: B039 - a tuple of frozen things


def members_of(blocks: Sequence[Block]) -> tuple[str, ...]:
    """The chain that blocks make; no member follows itself."""
    found: list[str] = []
    for block in blocks:
        found += (member for member in block.members if found[-1:] != [member])
    return tuple(found)


def open_tags(tags: tags_module.Tags | None = None) -> dict[str, str]:
    """The tags of a call made now: the process's, those of the open blocks, its own.

    Raises:
        TagInvalid: the call's own are none, or they are too many together.
    """
    blocks = open_blocks.get()
    if tags is None and not blocks and not tags_module.of_process():
        return {}
    own = {} if tags is None else tags_module.checked(tags)
    return tags_module.merged(
        (tags_module.of_process(), *(dict(block.tags) for block in blocks), own)
    )
