"""Which reader an endpoint's answers need: one entry an endpoint."""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.openrouter.answers import Answer, parse_answer
from ledger.openrouter.folding import ChatFolder, Folder


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, and how its answers are read.

    Attributes:
        name: its path below the base URL, without a slash; as `request.endpoint` is booked.
        read: reads a whole body.
        folder: makes what reads a stream of events.
    """

    name: str
    read: Callable[[bytes], Answer]
    folder: Callable[[], Folder]


CHAT_COMPLETIONS = Endpoint("chat/completions", parse_answer, ChatFolder)

ENDPOINTS = {each.name: each for each in (CHAT_COMPLETIONS,)}


def endpoint_of(name: str) -> Endpoint | None:
    """The endpoint of a path below the base URL; None where its answers are not read."""
    return ENDPOINTS.get(name.strip("/"))
