"""What is odd about the bytes of a stream, whatever it carries: recorded, or seen by others."""

from collections.abc import Iterable, Iterator

from ledger.sandbox import streams
from ledger.sandbox.plans import Plan

BARE = b": \n\n"
_BLANK = b"\n\n\n"
_DEBUG = (
    b'data: {"id":"","object":"chat.completion.chunk","created":0,"model":"","choices":[],'
    b'"debug":{"echo_upstream_body":{"model":"upstream"}}}\n\n'
)
# In the order in which they are done.
NAMES = ("no-done", "debug-chunk", "bare-comments", "blank-lines", "ends-early", "crlf")


def dressed(events: Iterable[bytes], plan: Plan) -> Iterable[bytes]:
    """The same events with the plan's oddities."""
    odd = plan.oddities
    if "no-done" in odd:
        events = (event for event in events if event != streams.DONE)
    if "debug-chunk" in odd:
        events = _after_comments(events, _DEBUG)
    if "bare-comments" in odd:
        events = (part for event in events for part in (BARE, event))
    if "blank-lines" in odd:
        events = (part for event in events for part in (_BLANK, event))
    if "ends-early" in odd:
        events = _half(list(events))
    if "crlf" in odd:
        events = (event.replace(b"\n", b"\r\n") for event in events)
    return _split(events, plan.split) if plan.split else events


def _after_comments(events: Iterable[bytes], chunk: bytes) -> Iterator[bytes]:
    """A chunk before all others."""
    waiting = True
    for event in events:
        if waiting and not event.startswith(b":"):
            waiting = False
            yield chunk
        yield event


def _half(events: list[bytes]) -> list[bytes]:
    """The first half: no usage, no `[DONE]`, and an end that the connection takes for good."""
    return events[: (len(events) + 1) // 2]


def _split(events: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Parts of so many bytes, wherever that cuts."""
    for event in events:
        yield from (event[at : at + size] for at in range(0, len(event), size))
