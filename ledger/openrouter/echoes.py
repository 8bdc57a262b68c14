"""What an error repeats of the call's own content, taken out again.

A provider's message may quote the prompt that it refused, or the answer that broke off. Of both
nothing may be kept: so every longer run of characters that the message shares with what was sent
or answered is cut. Only failures come this way.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ledger.openrouter import exact

CUT = "[content]"
_WINDOW = 12
"""A shared run of twice as many characters always holds one whole window."""
_SHORTEST = 8
# Members whose values are words of the endpoint's own, which an explanation needs.
_OWN_WORDS = frozenset(
    ("model", "models", "provider", "role", "type", "tool_choice", "service_tier", "effort")
)


def contents(body: bytes) -> list[str]:
    """The texts in a request's JSON that are somebody's content; none where it is no JSON."""
    try:
        return list(dict.fromkeys(_texts(exact.loads(body))))
    except exact.NotJson:
        return []


def cut(said: str, private: Sequence[str]) -> str:
    """The message without what it repeats.

    Args:
        said: what a provider says.
        private: texts of the call; of shorter ones than 8 characters nothing is cut.
    """
    texts = [text for text in private if len(text) >= _SHORTEST]
    if not texts:
        return said
    for text in sorted((text for text in texts if len(text) <= len(said)), key=len, reverse=True):
        said = said.replace(text, CUT)
    everything = "\0".join(texts)
    place = 0
    while place + _WINDOW <= len(said):
        found = everything.find(said[place : place + _WINDOW])
        if found < 0:
            place += _WINDOW
            continue
        start, end = _grown(said, place, everything, found)
        said = said[:start] + CUT + said[end:]
        place = start + len(CUT)
    return said


def cut_all(value: Any, private: Sequence[str]) -> Any:
    """The same for every text in a parsed value."""
    if isinstance(value, str):
        return cut(value, private)
    if isinstance(value, dict):
        return {name: cut_all(member, private) for name, member in value.items()}
    if isinstance(value, list):
        return [cut_all(item, private) for item in value]
    return value


def _grown(said: str, place: int, everything: str, found: int) -> tuple[int, int]:
    """How far the run that both share goes, to both sides, as places in the message."""
    start, before = place, found
    while start > 0 and before > 0 and said[start - 1] == everything[before - 1] != "\0":
        start, before = start - 1, before - 1
    end, after = place + _WINDOW, found + _WINDOW
    while end < len(said) and after < len(everything) and said[end] == everything[after] != "\0":
        end, after = end + 1, after + 1
    return start, end


def _texts(value: Any) -> Iterator[str]:
    """Every text of a parsed value, but for the endpoint's own words."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            waiting += [member for name, member in item.items() if name not in _OWN_WORDS]
