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
    shared = _shared({_at(said, place) for place in range(len(said) - _WINDOW + 1)}, texts)
    kept: list[str] = []
    end = 0
    for place in range(len(said) - _WINDOW + 1):
        if _at(said, place) in shared:
            kept += [said[end:place], CUT] if place > end or not kept else []
            end = place + _WINDOW
    return "".join([*kept, said[end:]])


def cut_all(value: Any, private: Sequence[str]) -> Any:
    """The same for every text in a parsed value."""
    if isinstance(value, str):
        return cut(value, private)
    if isinstance(value, dict):
        return {name: cut_all(member, private) for name, member in value.items()}
    if isinstance(value, list):
        return [cut_all(item, private) for item in value]
    return value


def _shared(windows: set[str], texts: list[str]) -> set[str]:
    """Which windows of a message are in the content too.

    Of the content, which may be long, windows side by side are looked up first, and those that
    overlap with one that was found.
    """
    everything = "\0".join(texts)
    around = {
        everything[max(at - _WINDOW, 0) : at + 2 * _WINDOW]
        for at in range(0, len(everything) - _WINDOW + 1, _WINDOW)
        if _at(everything, at) in windows
    }
    near = (_at(part, place) for part in around for place in range(len(part) - _WINDOW + 1))
    return {window for window in near if window in windows}


def _at(text: str, place: int) -> str:
    return text[place : place + _WINDOW]


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
