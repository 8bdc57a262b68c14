"""Which reader a service's answers need: one entry an endpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ledger.openrouter import billable, bodies
from ledger.openrouter.answers import Answer
from ledger.openrouter.billable import Service
from ledger.openrouter.folding import ChatFolder, Folder
from ledger.openrouter.typed_events import MessagesFolder, ResponsesFolder, TypedFolder


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, and how its answers are read.

    Attributes:
        name: its path below the base URL, without a slash; as `request.endpoint` is booked.
        read: reads a whole body.
        folder: makes what reads a stream of events.
        is_raw: whether a whole body is the work itself, of which nothing can be read.
    """

    name: str
    read: Callable[[bytes], Answer]
    folder: Callable[[], Folder]
    is_raw: bool = False


_FOLDERS: dict[Service, Callable[[], Folder]] = {
    billable.CHAT: ChatFolder,
    billable.COMPLETIONS: ChatFolder,
    billable.RESPONSES: partial(ResponsesFolder, billable.RESPONSES),
    billable.MESSAGES: partial(MessagesFolder, billable.MESSAGES),
}


def _endpoint(service: Service) -> Endpoint:
    folder = _FOLDERS.get(service) or partial(TypedFolder, service)
    return Endpoint(service.name, partial(bodies.read, service), folder, service.is_raw)


ENDPOINTS = {each.name: _endpoint(each) for each in (*billable.ALL, billable.VIDEO_JOB)}
CHAT_COMPLETIONS = ENDPOINTS[billable.CHAT.name]


def endpoint_of(service: Service) -> Endpoint:
    """The reader of a service's answers."""
    return ENDPOINTS[service.name]
